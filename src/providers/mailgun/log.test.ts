import { afterEach, expect, test } from 'vitest';
import { type ScriptedServer, startHttp } from '../../../test/support/servers/scripted-servers.js';
import { createMailgun } from './adapter.js';

let server: ScriptedServer;
afterEach(() => server.stop());

const never = new AbortController().signal;
const since = new Date('2030-01-31T09:00:00.500Z');
const id = '019a0000-0000-7000-8000-000000000001';

/** Reads a page of a server that gives one answer. */
async function read(status: number, body: unknown, next: string | null = null) {
  let url = '';
  server = await startHttp((request, response) => {
    url = request.url ?? '';
    response.writeHead(status).end(JSON.stringify(body));
  });
  const { log } = createMailgun({
    ...{ apiKey: 'key', domain: 'mail.example.com', apiUrl: server.url, webhookSigningKey: '' },
  });
  return { page: await log.readPage(since, next, never), url: new URL(url, server.url) };
}

const paging = { next: 'https://elsewhere.example.com/v3/mail.example.com/events/W3siYSI6ICJiIn0=' };
/** As in the documentation of Mailgun, "Event structure". */
const event = (variables: object, messageId = 'other@example.com') => ({
  ...{ event: 'accepted', id: 'ncV2XwymRUKbPek_MIM-Gw', timestamp: 1_896_080_400.1, recipient: 'reader@example.org' },
  message: { headers: { 'message-id': messageId, from: 'shop@example.com' }, attachments: [], size: 300 },
  'user-variables': variables,
});

test('asks for what was accepted since then, forwards, as many as there can be', async () => {
  const { url } = await read(200, { items: [], paging });
  expect(url.pathname).toBe('/v3/mail.example.com/events');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    begin: String(Math.floor(since.getTime() / 1000)),
    ...{ ascending: 'yes', event: 'accepted', limit: '300' },
  });
});

test('knows our e-mails by two of our variables, or by a Message-ID like ours and its domain, and no others', async () => {
  const other = '019a0000-0000-7000-8000-000000000002';
  const ours = { email_id: id, generation: '1' };
  const items = [
    ...[event(ours), event([], `${other}.1@Mail.example.com`), event({ email_id: 'x', generation: '1' }), null],
    // A field of this name alone may be anybody's.
    ...[event({ email_id: id }), event({ email_id: id, generation: 'x' }), event({}, `${other}@mail.example.com`)],
  ];
  const { page } = await read(200, { items, paging });
  expect(page.messages).toEqual([
    { emailId: id, isRejected: false },
    { emailId: other, domain: 'mail.example.com', isRejected: false },
  ]);
});

test('is kept for a day, as that of a free account: what it does not show of longer ago proves nothing', async () => {
  await read(200, { items: [], paging });
  const { log } = createMailgun({ apiKey: 'key', domain: 'd', apiUrl: server.url, webhookSigningKey: '' });
  expect(log.keptMs).toBe(24 * 60 * 60_000);
});

test('goes on by the address that it is told, at its own host alone, until a page is empty', async () => {
  const { page } = await read(200, { items: [event({ email_id: id, generation: '1' })], paging });
  expect(page.next).toBe('W3siYSI6ICJiIn0=');
  const last = await read(200, { items: [], paging }, page.next);
  expect(last.url.pathname).toBe('/v3/mail.example.com/events/W3siYSI6ICJiIn0=');
  expect(last.url.search).toBe('');
  expect(last.page).toEqual({ messages: [], next: null });
});

test.each([
  ['no next page', {}],
  ['another address', { next: 'https://api.mailgun.net/v3/domains' }],
  ['the same page', { next: '/events/here' }],
])('says that more may follow where a page names %s', async (_, named) => {
  const { page } = await read(200, { items: [event({ email_id: id, generation: '1' })], paging: named }, 'here');
  expect(page).toMatchObject({ next: null, isCut: true });
});

test.each([
  // A key that may only send.
  [401, 'Forbidden', 'http_401'],
  [429, {}, 'http_429'],
  [200, 'Mailgun Magnificent API', 'unreadable_answer'],
])('%i %s: cannot be read', async (status, body, code) => {
  await expect(read(status, body)).rejects.toThrow(code);
});
