import type { EmailView } from '../../domain/emails/view.js';
import type { Waiting } from '../../domain/waiting/reasons.js';
import type { Api } from '../api.js';
import { type Commands, need, type Output, path } from '../command.js';
import { facts, table } from '../format.js';

/** `EmailView` as it is answered: every time is text. */
type Email = {
  readonly [Key in keyof EmailView]: EmailView[Key] extends Date | null ? string | null : EmailView[Key];
} & {
  readonly waiting?: (Pick<Waiting, 'code' | 'reason'> & { readonly next_try_at: string | null }) | null;
};

function show(email: Email): Output {
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
  ]);
  const begin = Date.parse(String(email.created_at));
  const after = (time: string) => `+${((Date.parse(time) - begin) / 1_000).toFixed(1)} s`;
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

const id = (word: string | undefined) => need(word, 'The e-mail’s id');

async function act(api: Api, emailId: string, action: string, body?: object): Promise<Output> {
  const json = await api.call<Email>('POST', path`/api/email/${emailId}/${action}`, body);
  return 'events' in json ? show(json) : { json, text: facts(Object.entries(json) as [string, string][]) };
}

export const emailCommands: Commands = {
  email: {
    usage: 'ID',
    summary: 'one e-mail: its state, its timeline, every call to a provider',
    words: 1,
    run: async (api, [word]) => show(await api.call<Email>('GET', path`/api/email/${id(word)}`)),
  },
  cancel: {
    usage: 'ID',
    summary: 'cancel an e-mail that no provider has been given yet',
    words: 1,
    run: (api, [word]) => act(api, id(word), 'cancel'),
  },
  reschedule: {
    usage: 'ID TIME',
    summary: 'give a scheduled e-mail another time',
    words: 2,
    help: 'TIME is RFC 3339 with an offset: 2030-01-31T09:00:00Z',
    run: (api, [word, time]) => act(api, id(word), 'reschedule', { send_at: need(time, 'The time') }),
  },
  'retry-now': {
    usage: 'ID',
    summary: 'end the back-off of an e-mail that waits for its next try',
    words: 1,
    run: (api, [word]) => act(api, id(word), 'retry-now'),
  },
  retry: {
    usage: 'ID [--provider NAME] [--receiver ADDRESS]',
    summary: 'begin a new life for an e-mail that is dead, failed, bounced or suppressed',
    words: 1,
    options: ['provider', 'receiver'],
    help: `--provider NAME      send it through this provider and no other
--receiver ADDRESS   to a corrected address`,
    run: (api, [word], { provider, receiver }) => act(api, id(word), 'retry', { provider, receiver }),
  },
  resend: {
    usage: 'ID',
    summary: 'send an e-mail a second time, on purpose: a new e-mail that names the old one',
    words: 1,
    run: (api, [word]) => act(api, id(word), 'resend'),
  },
};
