import type { Message, ProviderName } from './message.js';

/** One line of `acceptance.jsonl`: a call that a provider accepted. What drills count to find lost and doubled mail. */
export interface AcceptanceLine {
  /** The sandbox's id of the message. */
  readonly id: string;
  readonly provider: ProviderName;
  readonly email_id: string | null;
  readonly generation: number | null;
  readonly attempt: number | null;
  /** With angle brackets. */
  readonly message_id: string;
  readonly provider_message_id: string;
  readonly receiver: string;
  readonly priority: string | null;
  readonly accepted_at: string;
  readonly attachment_sha256: readonly string[];
}

export function acceptanceLine(message: Message): AcceptanceLine {
  return {
    id: message.id,
    provider: message.provider,
    email_id: message.emailId,
    generation: message.generation,
    attempt: message.attempt,
    message_id: message.messageIdHeader,
    provider_message_id: message.providerMessageId,
    receiver: message.receiver,
    priority: priorityOf(message.tags),
    accepted_at: new Date(message.acceptedAtMs).toISOString(),
    attachment_sha256: message.attachments.map((attachment) => attachment.sha256),
  };
}

/** A tag such as `critical` or `priority:critical`, if the message carries one. */
function priorityOf(tags: readonly string[]): string | null {
  for (const tag of tags) {
    const found = /^(?:priority[-_:])?(critical|medium|low)$/.exec(tag);
    if (found?.[1]) return found[1];
  }
  return null;
}
