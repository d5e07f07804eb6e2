import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../server.js';
import { eventually, mandrill, sendByMandrill } from '../testing.js';

describe('mandrill protocol', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ mandrill: { searchesPerMinute: 8 } });
  });
  afterAll(() => sandbox.stop());

  it('answers with one result per receiver and logs the call', async () => {
    const { status, body } = await sendByMandrill(sandbox, 'taken', {
      tags: ['priority:low'],
      attachments: [{ type: 'text/plain', name: 'a.txt', content: btoa('hello') }],
    });
    expect(status).toBe(200);
    expect(body).toEqual([
      {
        email: 'reader@example.org',
        status: 'sent',
        reject_reason: null,
        _id: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    ]);
    expect(sandbox.acceptance('taken')).toMatchObject([
      {
        provider: 'mandrill',
        generation: 1,
        attempt: 1,
        message_id: '<taken.1@mg.example.com>',
        provider_message_id: body[0]._id,
        priority: 'low',
        attachment_sha256: ['2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'],
      },
    ]);
  });

  it('500 Invalid_Key for a wrong key', async () => {
    const answer = await mandrill(sandbox, 'users/ping2.json', {}, 'wrong');
    expect(answer).toMatchObject({ status: 500, body: { status: 'error', code: -1, name: 'Invalid_Key' } });
  });

  it('500 ValidationError for what is missing, too long or too large', async () => {
    const invalid = { status: 500, body: { status: 'error', code: -2, name: 'ValidationError' } };
    expect(await sendByMandrill(sandbox, 'bad', { from_email: undefined })).toMatchObject(invalid);
    expect(await sendByMandrill(sandbox, 'bad', { to: [] })).toMatchObject(invalid);
    expect(await sendByMandrill(sandbox, 'bad', { metadata: { email_id: 'x'.repeat(260) } })).toMatchObject(invalid);
    const content = Buffer.alloc(20 * 1024 * 1024).toString('base64');
    const attachments = [{ type: 'application/x-test', name: 'big.bin', content }];
    expect(await sendByMandrill(sandbox, 'bad', { attachments })).toMatchObject(invalid);
    expect(sandbox.acceptance('bad')).toEqual([]);
  });

  it('"invalid" for an address that is none and "rejected" for reject@, neither accepted', async () => {
    const invalid = await sendByMandrill(sandbox, 'no', { to: [{ email: 'nobody' }] });
    expect(invalid.body).toMatchObject([{ status: 'invalid' }]);
    const rejected = await sendByMandrill(sandbox, 'no', { to: [{ email: 'reject@example.com' }] });
    expect(rejected.body).toMatchObject([{ status: 'rejected', reject_reason: 'rule' }]);
    expect(sandbox.acceptance('no')).toEqual([]);
    await eventually(() => expect(sandbox.happenings('no')).toEqual(['rejected']));
  });

  it('ping2', async () => {
    expect(await mandrill(sandbox, 'users/ping2.json', {})).toMatchObject({ status: 200, body: { PING: 'PONG!' } });
  });

  it('search finds by metadata, address and date, info by _id', async () => {
    const sent = await sendByMandrill(sandbox, 'look', { to: [{ email: 'look@example.org' }] });
    await eventually(() => expect(sandbox.happenings('look')).toContain('delivered'));
    const search = async (body: object) => (await mandrill(sandbox, 'messages/search.json', body)).body;
    const expected = [
      { _id: sent.body[0]._id, email: 'look@example.org', state: 'sent', metadata: { email_id: 'look' } },
    ];
    expect(await search({ query: 'u_email_id:look' })).toMatchObject(expected);
    expect(await search({ query: 'email:look@example.org AND state:sent' })).toMatchObject(expected);
    const today = new Date().toISOString().slice(0, 10);
    expect(await search({ query: 'u_email_id:look', date_from: today, date_to: today })).toMatchObject(expected);
    expect(await search({ query: 'u_email_id:look', date_to: '2000-01-01' })).toEqual([]);
    expect(await search({ query: 'u_email_id:never OR u_email_id:look' })).toMatchObject(expected);
    const [{ ts }] = await search({ query: 'u_email_id:look' });
    expect(await search({ query: `ts:[${ts - 1} TO ${ts}] AND u_email_id:look` })).toMatchObject(expected);
    expect(await search({ query: `ts:[${ts + 1} TO ${ts + 9}] AND u_email_id:look` })).toEqual([]);
    expect(await mandrill(sandbox, 'messages/info.json', { id: sent.body[0]._id })).toMatchObject({
      body: { ...expected[0], smtp_events: [{ type: 'sent', diag: expect.stringMatching(/^250 /) }] },
    });
    const unknown = await mandrill(sandbox, 'messages/info.json', { id: 'none' });
    expect(unknown).toMatchObject({ status: 500, body: { name: 'Unknown_Message' } });
  });

  it('refuses more searches a minute than the account has', async () => {
    const answers = await Promise.all(
      Array.from({ length: 9 }, () => mandrill(sandbox, 'messages/search.json', { query: '*' })),
    );
    const refused = answers.filter(({ body }) => body.name === 'RequestLimitExceeded').length;
    expect(refused).toBeGreaterThan(0);
    const searches = await (await fetch(`${sandbox.url}/sandbox/searches`)).json();
    expect(searches).toEqual({ answered: 8, refused });
  });
});
