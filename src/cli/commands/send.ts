import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { AttachedFile, Submission } from '../../../client/index.js';
import { type Api, UsageError } from '../api.js';
import { type Commands, type Console, need, type OptionName, type Output, type Values } from '../command.js';
import { facts } from '../format.js';
import { jsonObject, metadataOf } from '../metadata.js';

/** Beyond these the API takes nothing: what is larger need not be read. */
const MAX_FILE_BYTES = 18 * 1024 * 1024;

/** A file's bytes. @throws UsageError when it cannot be read, or is larger than the API takes. */
async function read(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new UsageError(`${path} is larger than 18 MB.`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** A text, `@FILE`, or `-` for the standard input. */
async function textOf(value: string | undefined, console: Console): Promise<string | undefined> {
  if (value === '-') return need(await console.input?.(), 'The content on the standard input');
  return value?.startsWith('@') ? (await read(value.slice(1))).toString('utf8') : value;
}

/** Both bodies; without either, the standard input is the text. */
async function bodiesOf({ text, html }: Values, console: Console): Promise<Pick<Submission, 'text' | 'html'>> {
  if (text === '-' && html === '-') throw new UsageError('--text and --html cannot both be the standard input.');
  const isGiven = text !== undefined || html !== undefined;
  return { text: await textOf(isGiven ? text : '-', console), html: await textOf(html, console) };
}

async function fileOf(path: string | undefined): Promise<AttachedFile | undefined> {
  return path === undefined ? undefined : { filename: basename(path), content: await read(path) };
}

function trackOf(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value !== 'on' && value !== 'off') throw new UsageError('--track-opens is "on" or "off".');
  return value === 'on';
}

async function send(api: Api, values: Values, console: Console): Promise<Output> {
  const submission: Submission = {
    sender: need(values.sender, '--sender'),
    receiver: need(values.receiver, '--receiver'),
    subject: need(values.subject, '--subject'),
    // What is no priority, the API says, with every other fault.
    priority: values.priority as Submission['priority'],
    reply_to: values['reply-to'],
    tags: values.tag?.split(',').map((tag) => tag.trim()),
    metadata: metadataOf(values.metadata) as Submission['metadata'],
    headers: values.headers === undefined ? undefined : jsonObject(values.headers, 'headers'),
    track_opens: trackOf(values['track-opens']),
    send_at: values['send-at'],
    attachment: await fileOf(values.attachment),
    ...(await bodiesOf(values, console)),
  };
  const accepted = await api.send(submission, { idempotencyKey: values['idempotency-key'] });
  return { json: accepted, text: facts(Object.entries(accepted)) };
}

const OPTIONS: readonly OptionName[] = [
  ...(['sender', 'receiver', 'subject', 'text', 'html', 'priority', 'reply-to', 'tag', 'metadata'] as const),
  ...(['headers', 'attachment', 'send-at', 'track-opens', 'idempotency-key'] as const),
];

export const sendCommands: Commands = {
  send: {
    usage: '--sender ADDRESS --receiver ADDRESS --subject TEXT [--text TEXT] [--html TEXT] [more]',
    summary: 'submit an e-mail; its text is read from the standard input, where none is given',
    example:
      "tempost send --sender shop@example.com --receiver ada@example.org --subject 'Your order' --text 'It is on its way.'",
    words: 0,
    options: OPTIONS,
    help: `--text TEXT, --html TEXT       @FILE reads a file, - the standard input; the one that is not given is made
--priority critical|medium|low default: medium
--reply-to ADDRESS
--attachment FILE              at most 18 MB
--tag LIST                     separated by commas
--metadata NAME=VALUE          may be given several times; or a JSON object
--headers JSON                 an object
--track-opens on|off           default: as the client has it
--send-at TIME                 RFC 3339 with an offset, at most 30 days ahead
--idempotency-key KEY          the same key again makes no second e-mail; default: one for this command`,
    run: (api, _, values, console) => send(api, values, console),
  },
};
