import { type Api, UsageError } from '../api.js';
import { type Commands, need, type Output, path } from '../command.js';
import { type Email, showEmail } from '../email-view.js';
import { follow } from '../follow.js';
import { facts } from '../format.js';

const id = (word: string | undefined) => need(word, 'The e-mail’s id');

async function act(api: Api, emailId: string, action: string, body?: object): Promise<Output> {
  const json = await api.call<Email>('POST', path`/api/email/${emailId}/${action}`, body);
  return 'events' in json ? showEmail(json) : { json, text: facts(Object.entries(json) as [string, string][]) };
}

export const emailCommands: Commands = {
  email: {
    usage: 'ID [--follow [--until STATE]]',
    summary: 'one e-mail: its state, its timeline, every call to a provider',
    example: 'tempost email 019a… --follow',
    words: 1,
    options: ['follow', 'until'],
    help: `--follow       what happens to it, line by line, until its end: delivered, opened, clicked, or not
--until STATE  until it has had this state, such as sent or opened
Exit code 4 when it came to another end.`,
    run: (api, [word], { follow: isFollowed, until }) => {
      if (isFollowed) return follow(api, id(word), until);
      if (until !== undefined) throw new UsageError('--until needs --follow.');
      return api.call<Email>('GET', path`/api/email/${id(word)}`).then(showEmail);
    },
  },
  cancel: {
    usage: 'ID',
    summary: 'cancel an e-mail that no provider has been given yet',
    example: 'tempost cancel 019a…',
    words: 1,
    run: (api, [word]) => act(api, id(word), 'cancel'),
  },
  reschedule: {
    usage: 'ID TIME',
    summary: 'give a scheduled e-mail another time',
    example: 'tempost reschedule 019a… 2030-01-31T09:00:00Z',
    words: 2,
    help: 'TIME is RFC 3339 with an offset: 2030-01-31T09:00:00Z',
    run: (api, [word, time]) => act(api, id(word), 'reschedule', { send_at: need(time, 'The time') }),
  },
  'retry-now': {
    usage: 'ID',
    summary: 'end the back-off of an e-mail that waits for its next try',
    example: 'tempost retry-now 019a…',
    words: 1,
    run: (api, [word]) => act(api, id(word), 'retry-now'),
  },
  retry: {
    usage: 'ID [--provider NAME] [--receiver ADDRESS]',
    summary: 'begin a new life for an e-mail that is dead, failed, bounced or suppressed',
    example: 'tempost retry 019a… --provider mandrill',
    words: 1,
    options: ['provider', 'receiver'],
    help: `--provider NAME      send it through this provider and no other
--receiver ADDRESS   to a corrected address`,
    run: (api, [word], { provider, receiver }) => act(api, id(word), 'retry', { provider, receiver }),
  },
  resend: {
    usage: 'ID',
    summary: 'send an e-mail a second time, on purpose: a new e-mail that names the old one',
    example: 'tempost resend 019a…',
    words: 1,
    run: (api, [word]) => act(api, id(word), 'resend'),
  },
};
