import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { outgoingMessage } from '../../../test/support/outgoing-message.js';
import { formOf, type ScriptedServer, startHttp } from '../../../test/support/servers/scripted-servers.js';
import type { LookUpQuery } from '../provider.js';
import { createMailgun } from './adapter.js';

let server: ScriptedServer;
afterEach(() => server.stop());

async function mailgun(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  server = await startHttp(answer);
  return createMailgun({ apiKey: 'key', domain: 'mail.example.com', apiUrl: server.url, webhookSigningKey: '' });
}

const never = new AbortController().signal;

describe('send', () => {
  const taken = '{"id":"<20261124.1@mail.example.com>","message":"Queued. Thank you."}';

  async function sent(changes: Parameters<typeof outgoingMessage>[0] = {}) {
    const seen: { request?: IncomingMessage; form?: FormData } = {};
    const provider = await mailgun(async (request, response) => {
      seen.request = request;
      seen.form = await formOf(request);
      response.end(taken);
    });
    const result = await provider.send(outgoingMessage(changes), never);
    return { result, request: seen.request as IncomingMessage, form: seen.form as FormData };
  }

  test('posts the message as a form to the domain, with our key', async () => {
    const { result, request, form } = await sent();
    expect(result).toEqual({ kind: 'accepted', providerMessageId: '20261124.1@mail.example.com' });
    expect(request.method).toBe('POST');
    expect(request.url).toBe('/v3/mail.example.com/messages');
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from('api:key').toString('base64')}`);
    expect(Object.fromEntries([...form].filter(([name]) => name !== 'attachment'))).toEqual({
      from: 'Bücherei <sender@example.com>',
      to: 'receiver@example.org',
      subject: 'Grüße – 你好 ✉',
      text: 'Guten Tag, schöne Grüße',
      html: '<p>Guten Tag, <b>schöne</b> Grüße</p>',
      'h:Message-Id': '<019a0000-0000-7000-8000-000000000001.1@mail.example.com>',
      'h:Reply-To': 'reply@example.com',
      'v:email_id': '019a0000-0000-7000-8000-000000000001',
      'v:generation': '1',
      'v:attempt': '2',
      'o:tag': 'invoice',
      'o:tracking-opens': 'yes',
    });
  });

  test('the attachment keeps its bytes, its type and its name', async () => {
    const { form } = await sent();
    const file = form.get('attachment') as File;
    expect(file.name).toBe('Übersicht „März" 你.pdf');
    expect(file.type).toBe('application/pdf');
    expect(Buffer.from(await file.arrayBuffer())).toEqual(Buffer.from('%PDF-1.7\0ÿ'));
  });

  test.each(['message/rfc822', 'Multipart/mixed'])('an attachment declared as %s is a file', async (contentType) => {
    const bytes = Buffer.from('Subject: inner\r\n\r\nHello');
    const { form } = await sent({ attachment: { filename: 'inner.eml', contentType, bytes } });
    const file = form.get('attachment') as File;
    expect([file.name, file.type]).toEqual(['inner.eml', 'application/octet-stream']);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(bytes);
  });

  test('an attachment without a name gets one, or Mailgun would drop it', async () => {
    const attachment = { filename: '', contentType: 'text/plain', bytes: Buffer.from('x') };
    const { form } = await sent({ attachment });
    expect((form.get('attachment') as File).name).toBe('attachment');
  });

  test('what is not there is left out', async () => {
    const { form } = await sent({ attachment: null, text: null, replyTo: null, tags: [] });
    const names = [...form.keys()];
    for (const name of ['attachment', 'text', 'h:Reply-To', 'o:tag']) expect(names).not.toContain(name);
  });

  test('headers of ours go out', async () => {
    const headers = {
      'List-Unsubscribe': '<https://mail.example.com/unsubscribe/1>',
      'Auto-Submitted': 'auto-generated',
    };
    const { form } = await sent({ headers });
    for (const [name, value] of Object.entries(headers)) expect(form.get(`h:${name}`)).toBe(value);
  });

  test('at most ten tags go out, and none too long', async () => {
    const tags = ['x'.repeat(129), ...Array.from({ length: 12 }, (_, index) => `tag-${index}`)];
    const { form } = await sent({ tags });
    expect(form.getAll('o:tag')).toEqual(tags.slice(1, 11));
  });

  test.each([
    [200, 'Mailgun Magnificent API', { kind: 'misconfigured', code: 'no_message_id' }],
    [200, '{"message":"hello"}', { kind: 'misconfigured', code: 'no_message_id' }],
    [302, '', { kind: 'misconfigured', code: 'http_302' }],
    [400, '{"message":"from parameter is missing"}', { kind: 'rejected', code: 'http_400' }],
    [401, 'Forbidden', { kind: 'misconfigured', code: 'http_401' }],
    [402, '', { kind: 'misconfigured', code: 'http_402' }],
    [403, '', { kind: 'misconfigured', code: 'http_403' }],
    [404, '{"message":"Domain not found"}', { kind: 'misconfigured', code: 'http_404' }],
    [413, '', { kind: 'rejected', code: 'http_413' }],
    [429, '', { kind: 'throttled', code: 'http_429', retryAfterMs: 30_000 }],
    [500, '', { kind: 'ambiguous', code: 'http_500', retryAfterMs: 30_000 }],
    [502, '', { kind: 'ambiguous', code: 'http_502' }],
    [503, '', { kind: 'unavailable', code: 'http_503' }],
    [504, '', { kind: 'ambiguous', code: 'http_504' }],
  ])('%i %s means %o', async (status, body, expected) => {
    const headers = 'retryAfterMs' in expected ? { 'retry-after': '30' } : {};
    const provider = await mailgun((request, response) => {
      request.resume().once('end', () => response.writeHead(status, headers).end(body));
    });
    expect(await provider.send(outgoingMessage(), never)).toEqual(expected);
  });
});

describe('a probe', () => {
  test.each([
    [200, '{"domain":{"name":"mg.example.com","state":"active","is_disabled":false}}', undefined],
    [200, 'Mailgun Magnificent API', undefined],
    [
      200,
      '{"domain":{"name":"mg.example.com","state":"disabled","is_disabled":true}}',
      { kind: 'misconfigured', code: 'domain_disabled' },
    ],
    [401, 'Forbidden', { kind: 'misconfigured', code: 'http_401' }],
    [503, '', { kind: 'unavailable', code: 'http_503' }],
  ])('asks for the domain, sends nothing, and takes %i %s for %o', async (status, body, expected) => {
    const asked: string[] = [];
    const provider = await mailgun((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(status).end(body);
    });
    expect(await provider.probe(never)).toEqual(expected);
    expect(asked).toEqual(['GET /v4/domains/mail.example.com?h%3Awith_dns=false']);
  });

  test('of a provider that is away fails', async () => {
    const provider = await mailgun(() => {});
    await server.stop();
    expect(await provider.probe(never)).toMatchObject({ kind: 'unavailable' });
  });
});

describe('look-up', () => {
  const query: LookUpQuery = { ...outgoingMessage(), providerMessageId: null, startedAt: new Date() };

  async function lookUp(status: number, body: unknown) {
    let url = '';
    const provider = await mailgun((request, response) => {
      url = request.url ?? '';
      response.writeHead(status).end(JSON.stringify(body));
    });
    const [result] = await provider.lookUp([query], never);
    return { result, url: new URL(url, server.url) };
  }

  const event = (attempt?: string) => ({
    event: 'accepted',
    message: { headers: { 'message-id': '019a0000-0000-7000-8000-000000000001.1@mail.example.com' } },
    'user-variables': attempt === undefined ? {} : { email_id: query.emailId, generation: '1', attempt },
  });

  test('searches the events by Message-ID, without brackets', async () => {
    const { url } = await lookUp(200, { items: [], paging: {} });
    expect(url.pathname).toBe('/v3/mail.example.com/events');
    expect(url.searchParams.get('message-id')).toBe('019a0000-0000-7000-8000-000000000001.1@mail.example.com');
  });

  test('an event of this attempt is evidence', async () => {
    const { result } = await lookUp(200, { items: [event('1'), event('2')] });
    const providerMessageId = '019a0000-0000-7000-8000-000000000001.1@mail.example.com';
    expect(result).toEqual({ kind: 'found', providerMessageId, delivered: false });
  });

  test('a delivered event among them says that it was delivered', async () => {
    const { result } = await lookUp(200, { items: [event('2'), { ...event('2'), event: 'delivered' }] });
    expect(result).toMatchObject({ kind: 'found', delivered: true });
  });

  test('an event that names no attempt is evidence: the Message-ID is ours', async () => {
    expect((await lookUp(200, { items: [event()] })).result).toMatchObject({ kind: 'found' });
  });

  test('an event of another attempt is not', async () => {
    expect((await lookUp(200, { items: [event('1')] })).result).toEqual({ kind: 'none' });
  });

  test('that Mailgun rejected it is no evidence that it was taken, and hides none', async () => {
    const rejected = { ...event('2'), event: 'rejected' };
    expect((await lookUp(200, { items: [rejected] })).result).toEqual({ kind: 'none' });
    await server.stop();
    expect((await lookUp(200, { items: [rejected, event('2')] })).result).toMatchObject({ kind: 'found' });
  });

  test('no event is nothing', async () => {
    expect((await lookUp(200, { items: [] })).result).toEqual({ kind: 'none' });
  });

  test('each of several queries has its own answer, in their order', async () => {
    const unknown = 'unknown.1@mail.example.com';
    const provider = await mailgun((request, response) => {
      const id = new URL(request.url ?? '', server.url).searchParams.get('message-id');
      response.writeHead(200).end(JSON.stringify({ items: id === unknown ? [] : [event()] }));
    });
    const results = await provider.lookUp([{ ...query, messageId: `<${unknown}>` }, query], never);
    expect(results.map(({ kind }) => kind)).toEqual(['none', 'found']);
  });

  test.each([429, 500])('%i means that it could not be asked', async (status) => {
    await expect(lookUp(status, {})).rejects.toThrow(`http_${status}`);
  });
});
