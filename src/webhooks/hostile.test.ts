import type net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConnection, sendWithoutEnd } from '../../test/support/api.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { holdEmail } from '../../test/support/emails.js';
import { patient } from '../../test/support/patience.js';
import { answerOf, readRecord } from '../../test/support/record.js';
import {
  insertEmail,
  insertManyEmails,
  mailgunBody,
  mailgunEvent,
  mailgunSignature,
  mandrillEvent,
  NO_TEMPORAL,
  postMailgun,
  postMandrill,
  startTestWebhooks,
  type TestWebhooks,
} from '../../test/support/webhooks.js';

const MB = 1024 * 1024;
/** Of the right shape, made with no key. */
const MADE_UP = 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=';

let database: TestDatabase;
let record: ReturnType<typeof readRecord>;
beforeAll(async () => {
  database = await createTestDatabase();
  record = readRecord(database.db);
});
afterAll(() => database.drop());

const start = (limits?: Parameters<typeof startTestWebhooks>[0]['limits']) =>
  startTestWebhooks({ databaseUrl: database.url, temporalAddress: NO_TEMPORAL, limits });
const sentEmail = () => insertEmail(database.db, [{ provider: 'mailgun', state: 'accepted' }]);
const genuine = async (service: TestWebhooks) =>
  postMailgun(service.url, mailgunBody(mailgunEvent(await sentEmail(), 'opened', { filler: 'x'.repeat(4_000) })));

/** Announces a body for Mandrill's address, sends the beginning of it, and then nothing. */
async function stall(port: number, announcedBytes: number, sentBytes: number) {
  const connection = await openConnection(port);
  connection.socket.write(
    `POST /webhooks/mandrill HTTP/1.1\r\nHost: x\r\nX-Mandrill-Signature: ${MADE_UP}\r\n` +
      `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${announcedBytes}\r\n\r\n`,
  );
  const piece = Buffer.alloc(sentBytes, 'x');
  await new Promise((resolve) => connection.socket.write(piece, resolve));
  return connection;
}

describe('connections that stall with unsigned bodies', () => {
  let service: TestWebhooks;
  const stalled: { socket: net.Socket }[] = [];
  beforeAll(async () => {
    // They must not be sent away before we have looked.
    service = await start({ progressWindowMs: patient(100_000) });
    stalled.push(...(await Promise.all(Array.from({ length: 29 }, () => stall(service.port, 16 * MB, 9 * MB)))));
    // Into whatever gap is left.
    const last = await stall(service.port, 16 * MB, 1);
    for (let n = 0; n < 100; n++) await new Promise((resolve) => last.socket.write(Buffer.alloc(1_000, 'x'), resolve));
    stalled.push(last);
  });
  afterAll(async () => {
    for (const { socket } of stalled) socket.destroy();
    await service.stop();
  });

  it('do not keep out a small webhook', async () => {
    for (let n = 0; n < 5; n++) expect(await answerOf(await genuine(service))).toEqual([200]);
  });

  it('make room for a batch: who has been arriving the longest goes', async () => {
    const emails = await insertManyEmails(database.db, 300);
    const batch = emails.map((email) => mandrillEvent(email, 'delivered', { filler: 'x'.repeat(10_000) }));
    await expect.poll(async () => (await postMandrill(service.url, batch)).status).toBe(200);
  });
});

describe('who is slow', () => {
  let service: TestWebhooks;
  beforeAll(async () => {
    service = await start({ progressWindowMs: patient(500), headersTimeoutMs: patient(500) });
  });
  afterAll(() => service.stop());

  it('is answered 408 when the body stops coming', async () => {
    const { answer } = await stall(service.port, 10_000, 100);
    expect(await answer).toMatch(/^HTTP\/1.1 408 .*connection: close.*"code":"body_too_slow"/is);
  });

  it('is answered 408 when the headers take too long', async () => {
    const { socket, answer } = await openConnection(service.port);
    socket.write('POST /webhooks/mailgun HTTP/1.1\r\nHost: x\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 408 .*"code":"request_timeout"/s);
  });
});

describe('more connections than there may be', () => {
  it('push out those that were of no use for the longest; a webhook still gets through', async () => {
    const service = await start({ connections: 20 });
    const idle = await Promise.all(Array.from({ length: 60 }, () => openConnection(service.port)));
    expect(await answerOf(await genuine(service))).toEqual([200]);
    await expect
      .poll(() => idle.filter(({ socket }) => !socket.destroyed && !socket.readableEnded).length)
      .toBeLessThan(21);
    for (const { socket } of idle) socket.destroy();
    await service.stop();
  });
});

describe('pixels', () => {
  it('never take all connections: webhooks are stored while opens wait for one e-mail', async () => {
    const service = await start();
    const { id } = await sentEmail();
    const letGo = await holdEmail(database.db, id);
    const pixels = Array.from({ length: 50 }, () => fetch(`${service.url}/api/email/${id}/open`));
    try {
      for (let n = 0; n < 3; n++) expect(await answerOf(await genuine(service))).toEqual([200]);
    } finally {
      await letGo();
    }
    expect((await Promise.all(pixels)).map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(await record.statusOf({ id })).toBe('opened');
    await service.stop();
  });
});

describe('a body of no use to anybody', () => {
  let service: TestWebhooks;
  beforeAll(async () => {
    service = await start();
  });
  afterAll(() => service.stop());

  it.each([
    ['POST', '/unsubscribe/019a0000-0000-7000-8000-000000000000'],
    ['GET', '/api/email/019a0000-0000-7000-8000-000000000000/open'],
    ['POST', '/nowhere'],
    ['POST', '/webhooks/mandrill'],
  ])('is answered and cut off: %s %s', async (method, path) => {
    expect(
      await sendWithoutEnd(
        service.port,
        `${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 * MB}\r\n\r\n`,
      ),
    ).toBeLessThan(200 * MB);
  });

  it('of Mandrill’s is a form of a few fields, nothing else', async () => {
    const post = async (body: FormData | URLSearchParams, headers: Record<string, string> = {}) =>
      answerOf(
        await fetch(`${service.url}/webhooks/mandrill`, {
          method: 'POST',
          headers: { 'x-mandrill-signature': MADE_UP, ...headers },
          body,
        }),
      );
    const form = new FormData();
    form.set('mandrill_events', '[]');
    expect(await post(form)).toEqual([400, 'not_understood']);
    expect(await post(new URLSearchParams(`${'a=b&'.repeat(16)}a=b`))).toEqual([400, 'not_understood']);
    expect(await post(new URLSearchParams(`${'a=b&'.repeat(15)}a=b`))).toEqual([401, 'bad_signature']);
  });
});

describe('Mailgun', () => {
  let service: TestWebhooks;
  beforeAll(async () => {
    service = await start();
  });
  afterAll(() => service.stop());

  it('200 for a legacy bounce with a message of 2 MB attached, and of 20 MB: the address is suppressed', async () => {
    for (const megabytes of [2, 20]) {
      const email = await sentEmail();
      const form = new FormData();
      const fields = {
        ...mailgunSignature(),
        email_id: email.id,
        event: 'bounced',
        code: '550',
        error: '5.1.1 unknown user',
      };
      form.set('attachment-1', new Blob([new Uint8Array(megabytes * MB)]), 'message.eml');
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      const response = await fetch(`${service.url}/webhooks/mailgun`, { method: 'POST', body: form });
      expect(await answerOf(response)).toEqual([200]);
      expect(await record.statusOf(email)).toBe('bounced');
      expect(await record.suppressionOf(email)).toEqual({ address: email.receiver, reason: 'bounced' });
    }
  });

  it('200 for a legacy form that is repeated with another boundary', async () => {
    const email = await sentEmail();
    const post = async (fields: Record<string, string>) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      form.set('attachment-1', new Blob(['the message']), 'message.eml');
      return answerOf(await fetch(`${service.url}/webhooks/mailgun`, { method: 'POST', body: form }));
    };
    const fields = { ...mailgunSignature(), email_id: email.id, event: 'opened' };
    expect(await post(fields)).toEqual([200]);
    expect(await post(fields)).toEqual([200]);
    expect(await post({ ...fields, event: 'complained' })).toEqual([401, 'token_reused']);
  });

  it('401 when digits are moved from the token to the timestamp', async () => {
    const email = await sentEmail();
    const { timestamp, token, signature } = mailgunSignature({ token: 'e05abc' });
    const moved = { timestamp: `${timestamp}e0`, token: '5abc', signature };
    const post = async (block: object) =>
      answerOf(await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'opened'), block)));
    expect(await post({ timestamp, token, signature })).toEqual([200]);
    expect(await post(moved)).toEqual([401, 'bad_signature']);
  });

  it('401 for anything without a signature, however it is nested; 400 for what is no object of Mailgun’s', async () => {
    const post = async (body: string) => answerOf(await postMailgun(service.url, body));
    expect(await post(`{"event-data":{},"a":${'['.repeat(500_000)}`)).toEqual([401, 'bad_signature']);
    expect(await post(`{"signature":{"a":{"signature":{}}},"event-data":{"a":"}{\\""}}`)).toEqual([
      401,
      'bad_signature',
    ]);
    expect(await post('['.repeat(1_000_000))).toEqual([400, 'not_understood']);
    expect(await post(`{"a":${'0,'.repeat(400_000)}`)).toEqual([400, 'not_understood']);
  });
});
