/** What a sender is told of an e-mail that has finally failed, in plain words: no provider's sentence, no code alone. */

/** How an e-mail ended. */
export interface Failure {
  readonly status: string;
  /** Why it is dead, when it is. */
  readonly reason: string | null;
  /** The code of the last attempt, or of the receiving server's refusal. */
  readonly code: string | null;
}

export interface FailedEmail extends Failure {
  readonly id: string;
  readonly receiver: string;
  readonly subject: string;
  readonly created_at: Date;
}

const SUBJECT_CHARACTERS = 150;

const shortened = (subject: string) =>
  subject.length <= SUBJECT_CHARACTERS ? subject : `${subject.slice(0, SUBJECT_CHARACTERS)}…`;

/** `2026-11-24 09:30 UTC` */
const minute = (at: Date) => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** The notice about one e-mail. */
export function noticeOf(email: FailedEmail): { readonly subject: string; readonly content: string } {
  const { why, what } = explain(email);
  const content = `Your e-mail was not delivered.

    To:        ${email.receiver}
    Subject:   ${email.subject}
    Submitted: ${minute(email.created_at)}

Why: ${why}

What you can do: ${what}

${reference(email)}
This message was written by a machine; nobody reads answers to it.
`;
  return { subject: `Not delivered: ${shortened(email.subject)}`, content };
}

/** One notice about several e-mails. @param untold how many failed; `emails` lists the first of them. */
export function digestOf(
  untold: number,
  emails: readonly FailedEmail[],
): { readonly subject: string; readonly content: string } {
  const lines = emails.map(
    (email) => `  * ${minute(email.created_at)}, to ${email.receiver}: "${shortened(email.subject)}"
    ${explain(email).why}
    ${reference(email)}`,
  );
  const rest = untold - emails.length;
  const more = rest > 0 ? `\n\n  … and ${rest} more.` : '';
  const them = untold === 1 ? '1 more of your e-mails was' : `${untold} more of your e-mails were`;
  const content = `${them} not delivered:

${lines.join('\n\n')}${more}

Please check the receivers' addresses, or ask whoever runs your mail system, before you send them again.
This message was written by a machine; nobody reads answers to it.
`;
  return { subject: `${untold} more of your e-mails not delivered`, content };
}

const reference = ({ id, code }: FailedEmail) => `Reference: ${id}${code ? ` (${code})` : ''}`;

const CHECK = 'check the address, and send your e-mail again.';
const ASK = 'ask whoever runs your mail system; your e-mail is kept and can be sent from there.';

function explain({ status, reason, code }: Failure): { readonly why: string; readonly what: string } {
  if (status === 'bounced') {
    return { why: "the receiver's mail server refused it. Most often the address does not exist.", what: CHECK };
  }
  if (status === 'failed') return refused(code ?? '');
  // A status that was added as a row: its name is all that there is to say.
  if (status !== 'dead') return { why: `it has ended as "${status}".`, what: ASK };
  switch (reason) {
    case 'ambiguous':
      return {
        why: 'it was handed over, but never confirmed. It may have arrived; to be safe it was not sent twice.',
        what: 'ask the receiver whether it has arrived before you send it again.',
      };
    case 'stopped_in_temporal':
      return { why: 'it was stopped by an operator before it was sent.', what: ASK };
    default:
      return { why: 'no mail provider could take it in the time that was set for it.', what: ASK };
  }
}

/** By the words that providers' codes have in common; see `taxonomy.ts`. */
function refused(code: string): { readonly why: string; readonly what: string } {
  if (/bounce|^smtp_55[013]$/.test(code)) {
    return { why: "the receiver's address does not exist, or takes no mail.", what: CHECK };
  }
  if (/sender|unsigned/.test(code)) return { why: 'your own address was not accepted as a sender.', what: ASK };
  if (/spam|unsub/.test(code)) {
    return { why: 'the receiver has asked to get no more mail.', what: 'please do not send it again.' };
  }
  if (/413|552|too_large/.test(code)) {
    return { why: 'it is too large.', what: 'send it again with a smaller attachment.' };
  }
  return { why: 'the mail provider refused it.', what: CHECK };
}
