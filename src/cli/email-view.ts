import type { EmailView } from '../domain/emails/view.js';
import type { Waiting } from '../domain/waiting/reasons.js';
import type { Output } from './command.js';
import { facts, table } from './format.js';

/** `EmailView` as it is answered: every time is text. */
export type Email = {
  readonly [Key in keyof EmailView]: EmailView[Key] extends Date | null ? string | null : EmailView[Key];
} & {
  readonly waiting?: (Pick<Waiting, 'code' | 'reason'> & { readonly next_try_at: string | null }) | null;
};

/** How long after it was accepted. */
export const afterAcceptance = ({ created_at }: Pick<Email, 'created_at'>, time: string) =>
  `+${((Date.parse(time) - Date.parse(String(created_at))) / 1_000).toFixed(1)} s`;

/** All that is known of an e-mail. */
export function showEmail(email: Email): Output {
  const { waiting } = email;
  const head = facts([
    ['id', email.id],
    ['status', email.status],
    ...(waiting
      ? ([
          ['waits', `${waiting.reason} (${waiting.code})`],
          ['next try', waiting.next_try_at],
        ] as const)
      : []),
    ['priority', email.priority],
    ['from', email.sender],
    ['to', email.receiver],
    ['subject', email.subject],
    ['accepted', email.created_at],
    ['deadline', email.deadline_at],
    ['handed over', email.sent_at ? `${email.sent_at} to ${email.provider}` : null],
    ['provider’s id', email.provider_message_id],
    ['attachment', email.attachment && `${email.attachment.filename}, ${email.attachment.size} bytes`],
    ['content', email.content_removed_at && `removed on ${email.content_removed_at} by retention`],
  ]);
  const after = (time: string) => afterAcceptance(email, time);
  const events = email.events.map(({ occurred_at, type, provider, metadata }) => [
    occurred_at,
    after(occurred_at),
    type,
    provider,
    Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : null,
  ]);
  const attempts = email.attempts.map((attempt) => [
    attempt.generation,
    attempt.attempt,
    attempt.provider,
    attempt.state,
    attempt.code,
    after(attempt.started_at),
    attempt.finished_at && `${Date.parse(attempt.finished_at) - Date.parse(attempt.started_at)} ms`,
    attempt.provider_message_id,
  ]);
  const parts = [head, table(['time', '', 'event', 'provider', 'details'], events)];
  const headings = ['generation', 'attempt', 'provider', 'outcome', 'code', 'begun', 'took', 'provider’s id'];
  if (attempts.length > 0) parts.push(table(headings, attempts));
  return { json: email, text: parts.join('\n\n') };
}
