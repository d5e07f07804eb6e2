import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import {
  cuttableDatabase,
  insertEmail,
  insertManyEmails,
  mailgunBody,
  mailgunEvent,
  mailgunSignature,
  mandrillEvent,
  nowS,
  postMailgun,
  postMandrill,
  startTestWebhooks,
  type TestEmail,
  type TestWebhooks,
} from '../../test/support/webhooks.js';

/** Nothing listens there: signals cannot be delivered, which must not matter to providers. */
const NO_TEMPORAL = '127.0.0.1:1';

let database: TestDatabase;
let service: TestWebhooks;
beforeAll(async () => {
  database = await createTestDatabase();
  service = await startTestWebhooks({ databaseUrl: database.url, temporalAddress: NO_TEMPORAL });
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

const sentEmail = (provider: 'mailgun' | 'mandrill' = 'mailgun') =>
  insertEmail(database.db, [{ provider, state: 'accepted' }]);

const statusOf = async ({ id }: { id: string }) =>
  (await database.db.selectFrom('emails').select('status').where('id', '=', id).executeTakeFirstOrThrow()).status;

const eventsOf = ({ id }: { id: string }) =>
  database.db.selectFrom('email_events').selectAll().where('email_id', '=', id).orderBy('event_key').execute();

const suppressionOf = async ({ clientId }: TestEmail) =>
  (
    await database.db
      .selectFrom('suppressions')
      .select(['address', 'reason'])
      .where('client_id', '=', clientId)
      .execute()
  )[0];

const signalsOf = async ({ id }: { id: string }) =>
  (await database.db.selectFrom('pending_signals').select('kind').where('email_id', '=', id).execute())
    .map(({ kind }) => kind)
    .sort();

const unmatched = () => database.db.selectFrom('unmatched_webhooks').select(['provider', 'reason', 'body']).execute();

/** The answer's status and, for problems, its code. */
async function answerOf(response: Response): Promise<[number, string?]> {
  if (response.status === 200) return [200];
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as { status: number; code: string };
  expect(body.status).toBe(response.status);
  return [response.status, body.code];
}

describe('POST /webhooks/mailgun', () => {
  it('200: stored with its consequences before the answer', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'delivered', { id: 'first', 'delivery-status': { code: 250 } });
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await statusOf(email)).toBe('delivered');
    expect(await eventsOf(email)).toMatchObject([
      { event_key: 'mailgun:first', type: 'delivered', provider: 'mailgun', metadata: { code: '250' }, attempt: 1 },
    ]);
    expect(await signalsOf(email)).toEqual(['delivered']);
  });

  it('200 again for the same token with the same body; nothing is stored twice', async () => {
    const email = await sentEmail();
    const body = mailgunBody(mailgunEvent(email, 'opened'));
    const answers = await Promise.all([1, 2, 3, 4].map(async () => answerOf(await postMailgun(service.url, body))));
    expect(answers).toEqual([[200], [200], [200], [200]]);
    expect(await eventsOf(email)).toHaveLength(1);
  });

  it('200 for the same event under a new token; it is stored once', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'opened');
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await eventsOf(email)).toHaveLength(1);
  });

  it('401 for a known token with another body; the body is not stored', async () => {
    const [email, other] = [await sentEmail(), await sentEmail()];
    const signature = mailgunSignature();
    await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'opened'), signature));
    const stolen = await postMailgun(service.url, mailgunBody(mailgunEvent(other, 'complained'), signature));
    expect(await answerOf(stolen)).toEqual([401, 'token_reused']);
    expect(await eventsOf(other)).toEqual([]);
    expect(await suppressionOf(other)).toBeUndefined();
  });

  it('401 for a bad signature, none, one older than 12 h or ahead of time; nothing is stored', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'delivered');
    const post = async (signature: object) => answerOf(await postMailgun(service.url, mailgunBody(event, signature)));
    expect(await post(mailgunSignature({ key: 'wrong' }))).toEqual([401, 'bad_signature']);
    expect(await post({})).toEqual([401, 'bad_signature']);
    expect(await post(mailgunSignature({ timestamp: nowS() - 13 * 3600 }))).toEqual([401, 'too_old']);
    expect(await post(mailgunSignature({ timestamp: nowS() + 3600 }))).toEqual([401, 'ahead_of_time']);
    expect(await eventsOf(email)).toEqual([]);
    expect(await statusOf(email)).toBe('queued');
  });

  it('200 for one signed 11 h ago: Mailgun repeats for hours under the original signature', async () => {
    const email = await sentEmail();
    const signature = mailgunSignature({ timestamp: nowS() - 11 * 3600 });
    expect(
      await answerOf(await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'opened'), signature))),
    ).toEqual([200]);
    expect(await statusOf(email)).toBe('opened');
  });

  it.each([
    ['not JSON', 'this is not JSON', 'application/json'],
    ['nothing', '', 'application/json'],
    ['another shape', '{"hello":"world"}', 'application/json'],
    ['a form of something else', 'a=b', 'application/x-www-form-urlencoded'],
    ['a broken multipart', 'x', 'multipart/form-data; boundary=y'],
    ['a multipart without a boundary', 'x', 'multipart/form-data'],
  ])('400 for %s', async (_name, body, contentType) => {
    expect(await answerOf(await postMailgun(service.url, body, contentType))).toEqual([400, 'not_understood']);
  });

  it('413 for 10 MB, which is answered in full', async () => {
    const body = 'x'.repeat(10 * 1024 * 1024);
    expect(await answerOf(await postMailgun(service.url, body))).toEqual([413, 'body_too_large']);
  });

  it('200 for the legacy form, also as multipart with the bounced message attached', async () => {
    const email = await sentEmail();
    const ids = { email_id: email.id, generation: '1', attempt: '1' };
    const form = new URLSearchParams({ ...mailgunSignature(), ...ids, event: 'delivered' });
    const media = 'application/x-www-form-urlencoded';
    expect(await answerOf(await postMailgun(service.url, form.toString(), media))).toEqual([200]);
    expect(await statusOf(email)).toBe('delivered');

    const multipart = new FormData();
    const bounced = { ...mailgunSignature(), ...ids, event: 'bounced', code: '550', error: '5.1.1 unknown user' };
    for (const [name, value] of Object.entries(bounced)) multipart.set(name, value);
    multipart.set('attachment-1', new Blob(['the message']), 'message.eml');
    const response = await fetch(`${service.url}/webhooks/mailgun`, { method: 'POST', body: multipart });
    expect(await answerOf(response)).toEqual([200]);
    expect(await statusOf(email)).toBe('bounced');
    expect(await suppressionOf(email)).toEqual({ address: email.receiver, reason: 'bounced' });
  });

  it('200 for an unknown e-mail: kept as it came', async () => {
    const nobody = { id: '019ab000-0000-7000-8000-00000000abcd' };
    const unknown = mailgunEvent(nobody, 'opened', { id: 'unknown' });
    const without = mailgunEvent(nobody, 'opened', { id: 'without', 'user-variables': {}, message: {} });
    expect(await answerOf(await postMailgun(service.url, mailgunBody(unknown)))).toEqual([200]);
    expect(await answerOf(await postMailgun(service.url, mailgunBody(without)))).toEqual([200]);
    expect(await unmatched()).toEqual(
      expect.arrayContaining([
        { provider: 'mailgun', reason: 'unknown_email', body: unknown },
        { provider: 'mailgun', reason: 'no_email_id', body: without },
      ]),
    );
  });

  it('200 for texts that the database cannot hold: stored without them', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'opened', { id: 'odd\u0000', ip: '\ud800', url: 'a\u0000b' });
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await eventsOf(email)).toMatchObject([{ metadata: { ip: '\ufffd', url: 'a\ufffdb' } }]);
  });

  it('the answer to whoever accepts nothing is never 406, which would end the repetitions', async () => {
    const response = await fetch(`${service.url}/webhooks/mailgun`, {
      method: 'POST',
      headers: { accept: 'image/nothing' },
      body: 'x',
    });
    expect(response.status).toBe(400);
  });
});

describe('each event of Mailgun', () => {
  const hard = { severity: 'permanent', reason: 'bounce', 'delivery-status': { code: 550 } };
  it.each([
    ['accepted', {}, 'sent', undefined],
    ['rejected', {}, 'failed', undefined],
    ['delivered', {}, 'delivered', undefined],
    ['failed', hard, 'bounced', 'bounced'],
    [
      'failed',
      { severity: 'permanent', reason: 'suppress-bounce', 'delivery-status': { code: 605 } },
      'bounced',
      undefined,
    ],
    ['failed', { severity: 'temporary' }, 'deferred', undefined],
    ['opened', {}, 'opened', undefined],
    ['clicked', {}, 'clicked', undefined],
    ['complained', {}, 'complained', 'complained'],
    ['unsubscribed', {}, 'queued', 'unsubscribed'],
    ['stored', {}, 'queued', undefined],
  ])('%s %j makes the e-mail %s and the suppression %s', async (event, fields, status, reason) => {
    const email = await sentEmail();
    expect(await answerOf(await postMailgun(service.url, mailgunBody(mailgunEvent(email, event, fields))))).toEqual([
      200,
    ]);
    expect(await statusOf(email)).toBe(status);
    expect(await eventsOf(email)).toHaveLength(1);
    expect((await suppressionOf(email))?.reason).toBe(reason);
  });
});

describe('each event of Mandrill', () => {
  it.each([
    ['send', 'sent', undefined],
    ['delivered', 'delivered', undefined],
    ['deferral', 'deferred', undefined],
    ['hard_bounce', 'bounced', 'bounced'],
    ['soft_bounce', 'bounced', undefined],
    ['open', 'opened', undefined],
    ['click', 'clicked', undefined],
    ['spam', 'complained', 'complained'],
    ['unsub', 'queued', 'unsubscribed'],
    ['reject', 'failed', undefined],
  ])('%s makes the e-mail %s and the suppression %s', async (event, status, reason) => {
    const email = await sentEmail('mandrill');
    expect(await answerOf(await postMandrill(service.url, [mandrillEvent(email, event)]))).toEqual([200]);
    expect(await statusOf(email)).toBe(status);
    expect(await eventsOf(email)).toHaveLength(1);
    expect((await suppressionOf(email))?.reason).toBe(reason);
  });
});

describe('POST /webhooks/mandrill', () => {
  it('200 for a batch with repetitions, unknown e-mails, lists and nonsense; sent twice it is stored once', async () => {
    const emails = await Promise.all(Array.from({ length: 20 }, () => sentEmail('mandrill')));
    const known = emails.flatMap((email) => [
      mandrillEvent(email, 'open'),
      mandrillEvent(email, 'send'),
      mandrillEvent(email, 'open'),
    ]);
    const nobody = mandrillEvent({ id: '019ab000-0000-7000-8000-00000000beef' }, 'open', { ip: 'batch' });
    const others = [nobody, nobody, { type: 'denylist', action: 'add', batch: 1 }, { batch: 1 }];
    const post = async () => answerOf(await postMandrill(service.url, [...known, ...others]));
    expect(await Promise.all([post(), post(), post()])).toEqual([[200], [200], [200]]);
    for (const email of emails) {
      expect(await statusOf(email)).toBe('opened');
      expect(await eventsOf(email)).toHaveLength(2);
    }
    const kept = (await unmatched()).filter(({ body }) => body.batch === 1 || body.ip === 'batch');
    expect(kept.map(({ reason }) => reason).sort()).toEqual(['not_understood', 'sync', 'unknown_email']);
  });

  it('200 for 1,000 events of 1,000 e-mails', async () => {
    const emails = await insertManyEmails(database.db, 1_000);
    const batch = emails.map((email) => mandrillEvent(email, 'delivered'));
    expect(await answerOf(await postMandrill(service.url, batch))).toEqual([200]);
    const { count } = await database.db
      .selectFrom('emails')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('status', '=', 'delivered')
      .where(
        'id',
        'in',
        emails.map(({ id }) => id),
      )
      .executeTakeFirstOrThrow();
    expect(count).toBe(1_000);
  }, 60_000);

  it('200 for batches about the same e-mails side by side, in opposite orders: they never block each other for good', async () => {
    const emails = await Promise.all(Array.from({ length: 30 }, () => sentEmail('mandrill')));
    const batch = (event: string) => emails.map((email) => mandrillEvent(email, event));
    const answers = await Promise.all(
      ['send', 'open', 'click', 'spam', 'hard_bounce', 'unsub'].map(async (event, index) =>
        answerOf(await postMandrill(service.url, index % 2 ? batch(event).reverse() : batch(event))),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 6 }, () => [200]));
    for (const email of emails) expect(await statusOf(email)).toBe('complained');
  });

  it('401 for a bad signature, none, or one over another address; nothing is stored', async () => {
    const email = await sentEmail('mandrill');
    const batch = [mandrillEvent(email, 'open')];
    const bad = [401, 'bad_signature'];
    expect(await answerOf(await postMandrill(service.url, batch, { key: 'wrong' }))).toEqual(bad);
    expect(await answerOf(await postMandrill(service.url, batch, { key: 'test-webhook' }))).toEqual(bad);
    expect(await answerOf(await postMandrill(service.url, batch, { signature: '' }))).toEqual(bad);
    expect(
      await answerOf(await postMandrill(service.url, batch, { signedUrl: `${service.url}/webhooks/mandrill` })),
    ).toEqual(bad);
    expect(await eventsOf(email)).toEqual([]);
  });

  it('200 for the empty test batch, under the test key and under ours', async () => {
    expect(await answerOf(await postMandrill(service.url, [], { key: 'test-webhook' }))).toEqual([200]);
    expect(await answerOf(await postMandrill(service.url, []))).toEqual([200]);
  });

  it('400 for a signed batch that is not JSON, not an array, or no form', async () => {
    expect(await answerOf(await postMandrill(service.url, 'nonsense'))).toEqual([400, 'not_understood']);
    expect(await answerOf(await postMandrill(service.url, '{}'))).toEqual([400, 'not_understood']);
    const json = { 'content-type': 'application/json', 'x-mandrill-signature': 'x' };
    const response = await fetch(`${service.url}/webhooks/mandrill`, { method: 'POST', headers: json, body: '[]' });
    expect(await answerOf(response)).toEqual([400, 'not_understood']);
  });

  it('401 for 10 MB of garbage, 413 for 20 MB', async () => {
    const post = async (megabytes: number) =>
      answerOf(await postMandrill(service.url, 'x'.repeat(megabytes * 1024 * 1024), { key: 'wrong' }));
    expect(await post(10)).toEqual([401, 'bad_signature']);
    expect(await post(20)).toEqual([413, 'body_too_large']);
  });
});

describe('evidence', () => {
  it('an event for an attempt whose outcome was unknown makes it accepted, and the workflow is to be told', async () => {
    const email = await insertEmail(database.db, [{ provider: 'mailgun', state: 'ambiguous' }]);
    await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'accepted')));
    const attempt = await database.db
      .selectFrom('send_attempts')
      .select('state')
      .where('email_id', '=', email.id)
      .executeTakeFirstOrThrow();
    expect(attempt.state).toBe('accepted');
    expect(await signalsOf(email)).toEqual(['evidence']);
  });
});

describe('other addresses', () => {
  const get = (path: string, init?: RequestInit) => fetch(service.url + path, init);

  it.each(['/webhooks/mailgun', '/webhooks/mandrill'])('HEAD %s is 200, unsigned', async (path) => {
    expect((await get(path, { method: 'HEAD' })).status).toBe(200);
  });

  it('GET of a webhook is 405 and names what is allowed', async () => {
    const response = await get('/webhooks/mailgun');
    expect(response.headers.get('allow')).toMatch(/POST/);
    expect(await answerOf(response)).toEqual([405, 'method_not_allowed']);
  });

  it('an unknown address is 404', async () => expect(await answerOf(await get('/x'))).toEqual([404, 'not_found']));

  it('webhooks of providers that are not configured are 404', async () => {
    const other = await startTestWebhooks({
      databaseUrl: database.url,
      temporalAddress: NO_TEMPORAL,
      providers: 'mandrill,smtp',
    });
    expect((await postMailgun(other.url, '{}')).status).toBe(404);
    expect((await postMandrill(other.url, [])).status).toBe(200);
    await other.stop();
  });

  it('the pixel is an image that nobody may keep, and counts', async () => {
    const email = await sentEmail();
    const response = await get(`/api/email/${email.id}/open`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/gif');
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect((await response.arrayBuffer()).byteLength).toBe(43);
    expect(await statusOf(email)).toBe('opened');
  });

  it('HEAD of the pixel counts nothing', async () => {
    const email = await sentEmail();
    expect((await get(`/api/email/${email.id}/open`, { method: 'HEAD' })).status).toBe(200);
    expect(await statusOf(email)).toBe('queued');
  });

  it.each(['x', '019ab000-0000-7000-8000-00000000ffff', '%00', '%F0', '..%2F..'])(
    'the pixel is an image whatever the id: %s',
    async (id) => {
      const response = await get(`/api/email/${id}/open`);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/gif']);
    },
  );

  it('is healthy and ready', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' });
  });
});

describe('while the database is away', () => {
  it('starts, answers 503, shows the pixel, and stores the repetitions once it is back', async () => {
    const wire = await cuttableDatabase(database.url);
    wire.cut();
    const lonely = await startTestWebhooks({ databaseUrl: wire.url, temporalAddress: NO_TEMPORAL });
    const email = await sentEmail();
    const body = mailgunBody(mailgunEvent(email, 'delivered'));
    const batch = [mandrillEvent(email, 'open')];
    const both = async () => [
      await answerOf(await postMailgun(lonely.url, body)),
      await answerOf(await postMandrill(lonely.url, batch)),
    ];
    const away = [503, 'database_unavailable'];

    expect(await both()).toEqual([away, away]);
    wire.mend();
    expect(await both()).toEqual([[200], [200]]);
    wire.cut();
    expect(await both()).toEqual([away, away]);
    const response = await postMailgun(lonely.url, body);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const pixel = await fetch(`${lonely.url}/api/email/${email.id}/open`);
    expect([pixel.status, pixel.headers.get('content-type')]).toEqual([200, 'image/gif']);
    expect((await fetch(`${lonely.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${lonely.url}/healthz`)).status).toBe(200);
    wire.mend();
    expect(await both()).toEqual([[200], [200]]);
    expect((await fetch(`${lonely.url}/readyz`)).status).toBe(200);

    expect(await eventsOf(email)).toHaveLength(2);
    expect(await statusOf(email)).toBe('opened');
    await lonely.stop();
    wire.close();
  });
});
