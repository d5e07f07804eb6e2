import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patient } from '../../test/support/patience.js';
import { answerOf } from '../../test/support/record.js';
import {
  insertEmail,
  insertManyEmails,
  mandrillEvent,
  type OwnWebhooks,
  postMandrill,
  startOwnWebhooks,
} from '../../test/support/webhooks.js';

let service: OwnWebhooks;
beforeAll(async () => {
  service = await startOwnWebhooks();
});
afterAll(() => service?.stop());

const sentEmail = () => insertEmail(service.db, [{ provider: 'mandrill', state: 'accepted' }]);

describe('POST /webhooks/mandrill', () => {
  it('200 for a batch with repetitions, unknown e-mails, lists and nonsense; sent twice it is stored once', async () => {
    const emails = await Promise.all(Array.from({ length: 20 }, () => sentEmail()));
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
      expect(await service.record.statusOf(email)).toBe('opened');
      expect(await service.record.eventsOf(email)).toHaveLength(2);
    }
    const kept = (await service.record.unmatched()).filter(({ body }) => body.batch === 1 || body.ip === 'batch');
    expect(kept.map(({ reason }) => reason).sort()).toEqual(['not_understood', 'sync', 'unknown_email']);
  });

  it(
    '200 for 1,000 events of 1,000 e-mails',
    async () => {
      const emails = await insertManyEmails(service.db, 1_000);
      const batch = emails.map((email) => mandrillEvent(email, 'delivered'));
      expect(await answerOf(await postMandrill(service.url, batch))).toEqual([200]);
      const { count } = await service.db
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
    },
    patient(60_000),
  );

  it('200 for batches about the same e-mails side by side, in opposite orders: they never block each other for good', async () => {
    const emails = await Promise.all(Array.from({ length: 30 }, () => sentEmail()));
    const batch = (event: string) => emails.map((email) => mandrillEvent(email, event));
    const answers = await Promise.all(
      ['send', 'open', 'click', 'spam', 'hard_bounce', 'unsub'].map(async (event, index) =>
        answerOf(await postMandrill(service.url, index % 2 ? batch(event).reverse() : batch(event))),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 6 }, () => [200]));
    for (const email of emails) expect(await service.record.statusOf(email)).toBe('complained');
  });

  it('401 for a bad signature, none, or one over another address; nothing is stored', async () => {
    const email = await sentEmail();
    const batch = [mandrillEvent(email, 'open')];
    const bad = [401, 'bad_signature'];
    expect(await answerOf(await postMandrill(service.url, batch, { key: 'wrong' }))).toEqual(bad);
    expect(await answerOf(await postMandrill(service.url, batch, { key: 'test-webhook' }))).toEqual(bad);
    expect(await answerOf(await postMandrill(service.url, batch, { signature: '' }))).toEqual(bad);
    expect(
      await answerOf(await postMandrill(service.url, batch, { signedUrl: `${service.url}/webhooks/mandrill` })),
    ).toEqual(bad);
    expect(await service.record.eventsOf(email)).toEqual([]);
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
    const email = await sentEmail();
    expect(await answerOf(await postMandrill(service.url, [mandrillEvent(email, event)]))).toEqual([200]);
    expect(await service.record.statusOf(email)).toBe(status);
    expect(await service.record.eventsOf(email)).toHaveLength(1);
    expect((await service.record.suppressionOf(email))?.reason).toBe(reason);
  });
});
