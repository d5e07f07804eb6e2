import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf } from '../../test/support/record.js';
import {
  insertEmail,
  mailgunBody,
  mailgunEvent,
  mailgunSignature,
  nowS,
  type OwnWebhooks,
  postMailgun,
  startOwnWebhooks,
} from '../../test/support/webhooks.js';

let service: OwnWebhooks;
beforeAll(async () => {
  service = await startOwnWebhooks();
});
afterAll(() => service?.stop());

const sentEmail = () => insertEmail(service.db, [{ provider: 'mailgun', state: 'accepted' }]);

describe('POST /webhooks/mailgun', () => {
  it('200: stored with its consequences before the answer', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'delivered', { id: 'first', 'delivery-status': { code: 250 } });
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await service.record.statusOf(email)).toBe('delivered');
    expect(await service.record.eventsOf(email)).toMatchObject([
      { event_key: 'mailgun:first', type: 'delivered', provider: 'mailgun', metadata: { code: '250' }, attempt: 1 },
    ]);
    expect(await service.record.signalsOf(email)).toEqual(['delivered']);
  });

  it('200 again for the same token with the same body; nothing is stored twice', async () => {
    const email = await sentEmail();
    const body = mailgunBody(mailgunEvent(email, 'opened'));
    const answers = await Promise.all([1, 2, 3, 4].map(async () => answerOf(await postMailgun(service.url, body))));
    expect(answers).toEqual([[200], [200], [200], [200]]);
    expect(await service.record.eventsOf(email)).toHaveLength(1);
  });

  it('200 for the same event under a new token; it is stored once', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'opened');
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await answerOf(await postMailgun(service.url, mailgunBody(event)))).toEqual([200]);
    expect(await service.record.eventsOf(email)).toHaveLength(1);
  });

  it('401 for a known token with another body; the body is not stored', async () => {
    const [email, other] = [await sentEmail(), await sentEmail()];
    const signature = mailgunSignature();
    await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'opened'), signature));
    const stolen = await postMailgun(service.url, mailgunBody(mailgunEvent(other, 'complained'), signature));
    expect(await answerOf(stolen)).toEqual([401, 'token_reused']);
    expect(await service.record.eventsOf(other)).toEqual([]);
    expect(await service.record.suppressionOf(other)).toBeUndefined();
  });

  it('401 for a bad signature, none, one older than 12 h or ahead of time; nothing is stored', async () => {
    const email = await sentEmail();
    const event = mailgunEvent(email, 'delivered');
    const post = async (signature: object) => answerOf(await postMailgun(service.url, mailgunBody(event, signature)));
    expect(await post(mailgunSignature({ key: 'wrong' }))).toEqual([401, 'bad_signature']);
    expect(await post({})).toEqual([401, 'bad_signature']);
    expect(await post(mailgunSignature({ timestamp: nowS() - 13 * 3600 }))).toEqual([401, 'too_old']);
    expect(await post(mailgunSignature({ timestamp: nowS() + 3600 }))).toEqual([401, 'ahead_of_time']);
    expect(await service.record.eventsOf(email)).toEqual([]);
    expect(await service.record.statusOf(email)).toBe('queued');
  });

  it('200 for one signed 11 h ago: Mailgun repeats for hours under the original signature', async () => {
    const email = await sentEmail();
    const signature = mailgunSignature({ timestamp: nowS() - 11 * 3600 });
    expect(
      await answerOf(await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'opened'), signature))),
    ).toEqual([200]);
    expect(await service.record.statusOf(email)).toBe('opened');
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
    expect(await service.record.statusOf(email)).toBe('delivered');

    const multipart = new FormData();
    const bounced = { ...mailgunSignature(), ...ids, event: 'bounced', code: '550', error: '5.1.1 unknown user' };
    for (const [name, value] of Object.entries(bounced)) multipart.set(name, value);
    multipart.set('attachment-1', new Blob(['the message']), 'message.eml');
    const response = await fetch(`${service.url}/webhooks/mailgun`, { method: 'POST', body: multipart });
    expect(await answerOf(response)).toEqual([200]);
    expect(await service.record.statusOf(email)).toBe('bounced');
    expect(await service.record.suppressionOf(email)).toEqual({ address: email.receiver, reason: 'bounced' });
  });

  it('200 for an unknown e-mail: kept as it came', async () => {
    const nobody = { id: '019ab000-0000-7000-8000-00000000abcd' };
    const unknown = mailgunEvent(nobody, 'opened', { id: 'unknown' });
    const without = mailgunEvent(nobody, 'opened', { id: 'without', 'user-variables': {}, message: {} });
    expect(await answerOf(await postMailgun(service.url, mailgunBody(unknown)))).toEqual([200]);
    expect(await answerOf(await postMailgun(service.url, mailgunBody(without)))).toEqual([200]);
    expect(await service.record.unmatched()).toEqual(
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
    expect(await service.record.eventsOf(email)).toMatchObject([{ metadata: { ip: '\ufffd', url: 'a\ufffdb' } }]);
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
      'bounced',
    ],
    [
      'failed',
      {
        severity: 'permanent',
        reason: 'bounce',
        'delivery-status': { code: 550, message: '5.5.0 mailbox unavailable', 'bounce-type': 'hard' },
      },
      'bounced',
      'bounced',
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
    expect(await service.record.statusOf(email)).toBe(status);
    expect(await service.record.eventsOf(email)).toHaveLength(1);
    expect((await service.record.suppressionOf(email))?.reason).toBe(reason);
  });
});

describe('evidence', () => {
  it('an event for an attempt whose outcome was unknown makes it accepted, and the workflow is to be told', async () => {
    const email = await insertEmail(service.db, [{ provider: 'mailgun', state: 'ambiguous' }]);
    await postMailgun(service.url, mailgunBody(mailgunEvent(email, 'accepted')));
    const attempt = await service.db
      .selectFrom('send_attempts')
      .select('state')
      .where('email_id', '=', email.id)
      .executeTakeFirstOrThrow();
    expect(attempt.state).toBe('accepted');
    expect(await service.record.signalsOf(email)).toEqual(['evidence']);
  });

  it('an event that is known by its Message-ID alone is of the latest attempt at its provider: a bounce undoes its "sent"', async () => {
    const email = await insertEmail(service.db, [
      { provider: 'mailgun', state: 'refused' },
      { provider: 'mailgun', state: 'ambiguous' },
      { provider: 'mandrill', state: 'refused' },
    ]);
    const post = async (event: string, fields: object) =>
      postMailgun(service.url, mailgunBody(mailgunEvent(email, event, { 'user-variables': {}, ...fields })));
    await post('accepted', {});
    await post('failed', { severity: 'permanent' });
    expect(await service.record.statusOf(email)).toBe('bounced');
    expect((await service.record.eventsOf(email)).map(({ generation, attempt }) => [generation, attempt])).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await service.record.signalsOf(email)).toEqual(['evidence', 'failed']);
  });
});
