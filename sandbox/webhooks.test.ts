import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, type StartOptions, startSandbox } from './server.js';
import { eventually, sendByMailgun, sendByMandrill, type Told, webhookReceiver } from './testing.js';

type Receiver = Awaited<ReturnType<typeof webhookReceiver>>;

describe('webhooks', () => {
  let receiver: Receiver;
  let sandbox: Sandbox;
  /** What the receiver answers; each test sets it. */
  let answer: (told: Told, soFar: number) => number;

  beforeEach(async () => {
    answer = () => 200;
    receiver = await webhookReceiver((told, soFar) => answer(told, soFar));
  });
  afterEach(async () => {
    await sandbox.stop();
    await receiver.stop();
  });

  /** One minute of the providers takes 6 ms. */
  const start = async (more: StartOptions = {}) => {
    sandbox = await startSandbox({
      timeScale: 1 / 10_000,
      ...more,
      mailgun: { webhookUrl: receiver.url, ...more.mailgun },
      mandrill: { webhookUrl: receiver.url, ...more.mandrill },
    });
  };
  const told = (count: number) => eventually(() => expect(receiver.told.length).toBeGreaterThanOrEqual(count));
  const state = async (emailId: string) => {
    const messages = await fetch(`${sandbox.url}/sandbox/messages?email_id=${emailId}`).then((got) => got.json());
    return (messages as { events: { type: string; webhook: string }[] }[])[0]?.events;
  };

  describe('of mailgun', () => {
    it('are signed with HMAC-SHA256 over timestamp and token, one event each', async () => {
      await start();
      await sendByMailgun(sandbox, 'signed', { 'o:tag': 'order' });
      await told(1);
      const { signature, 'event-data': data } = JSON.parse(receiver.told[0]!.body);
      const expected = createHmac('sha256', sandbox.options.mailgun.signingKey)
        .update(signature.timestamp + signature.token)
        .digest('hex');
      expect(signature.signature).toBe(expected);
      expect(data).toMatchObject({
        event: 'delivered',
        recipient: 'reader@example.org',
        tags: ['order'],
        'user-variables': { email_id: 'signed' },
        message: { headers: { 'message-id': 'signed.1@mg.example.com' } },
      });
    });

    it('tell of "accepted" only when asked to', async () => {
      await start({ mailgun: { acceptedWebhook: true } });
      await sendByMailgun(sandbox, 'asked');
      await told(2);
      expect(receiver.mailgunEvents().map(({ event }) => event)).toContain('accepted');
    });

    it('are repeated with the same signature until they are confirmed', async () => {
      answer = (_, soFar) => (soFar < 4 ? 503 : 200);
      await start();
      await sendByMailgun(sandbox, 'again');
      await told(4);
      await eventually(async () => expect(await state('again')).toMatchObject([{}, { webhook: 'told' }]));
      expect(new Set(receiver.told.map(({ body }) => body)).size).toBe(1);
    });

    it('are given up after six repetitions', async () => {
      answer = () => 500;
      await start({ timeScale: 1 / 1_000_000 });
      await sendByMailgun(sandbox, 'hopeless');
      await eventually(async () => expect(await state('hopeless')).toMatchObject([{}, { webhook: 'told' }]));
      expect(receiver.told).toHaveLength(7);
    });

    it('stop for good at 406', async () => {
      answer = () => 406;
      await start();
      await sendByMailgun(sandbox, 'stop');
      await eventually(async () => expect(await state('stop')).toMatchObject([{}, { webhook: 'told' }]));
      expect(receiver.told).toHaveLength(1);
    });

    it.each([
      ['hard-bounce', [{ event: 'failed', severity: 'permanent', reason: 'bounce' }]],
      ['suppressed', [{ event: 'failed', severity: 'permanent', 'delivery-status': { code: 605 } }]],
      [
        'soft-bounce',
        [
          { event: 'failed', severity: 'temporary' },
          { event: 'failed', severity: 'permanent' },
        ],
      ],
      ['defer', [{ event: 'failed', severity: 'temporary' }, { event: 'delivered' }]],
      ['open', [{ event: 'delivered' }, { event: 'opened' }]],
      ['complaint', [{ event: 'delivered' }, { event: 'complained' }]],
      ['unsubscribe', [{ event: 'delivered' }, { event: 'unsubscribed' }]],
      ['reject-later', [{ event: 'rejected' }]],
    ])('tell what becomes of %s@', async (magic, events) => {
      await start();
      await sendByMailgun(sandbox, magic, { to: `${magic}+7@example.org` });
      await told(events.length);
      expect(receiver.mailgunEvents()).toMatchObject(events);
    });
  });

  describe('of mandrill', () => {
    it('come in batches, signed with HMAC-SHA1 over the configured URL and the field', async () => {
      await start({ timeScale: 1 / 200 });
      await Promise.all(['a', 'b', 'c'].map((emailId) => sendByMandrill(sandbox, emailId)));
      await eventually(() => expect(receiver.mandrillEvents()).toHaveLength(6));
      expect(receiver.told.length).toBeLessThan(6);
      const { headers, body } = receiver.told[0]!;
      const field = new URLSearchParams(body).get('mandrill_events');
      const expected = createHmac('sha1', sandbox.options.mandrill.webhookKey)
        .update(`${receiver.url}mandrill_events${field}`)
        .digest('base64');
      expect(headers['x-mandrill-signature']).toBe(expected);
      const ofA = receiver.mandrillEvents().filter(({ msg }) => msg.metadata.email_id === 'a');
      expect(ofA.map(({ event }) => event)).toEqual(['send', 'delivered']);
      expect(ofA[0]).toMatchObject({ _id: ofA[0].msg._id, msg: { email: 'reader@example.org', state: 'sent' } });
    });

    it('are repeated until they are confirmed', async () => {
      answer = (_, soFar) => (soFar < 3 ? 500 : 200);
      await start();
      await sendByMandrill(sandbox, 'again');
      await eventually(async () =>
        expect(await state('again')).toMatchObject([{ webhook: 'told' }, { webhook: 'told' }]),
      );
      expect(receiver.told.length).toBeGreaterThanOrEqual(3);
    });

    it.each([
      ['hard-bounce', ['send', 'hard_bounce']],
      ['soft-bounce', ['send', 'deferral', 'soft_bounce']],
      ['defer', ['send', 'deferral', 'delivered']],
      ['complaint', ['send', 'delivered', 'spam']],
      ['unsubscribe', ['send', 'delivered', 'unsub']],
      ['reject', ['reject']],
    ])('tell what becomes of %s@', async (magic, events) => {
      await start();
      await sendByMandrill(sandbox, magic, { to: [{ email: `${magic}@example.org` }] });
      await eventually(() => expect(receiver.mandrillEvents()).toHaveLength(events.length));
      expect(receiver.mandrillEvents().map(({ event }) => event)).toEqual(events);
    });
  });

  describe('with faults', () => {
    it('come late', async () => {
      await start();
      sandbox.setFaults({ mailgun: { webhooks: { delayMs: 60_000 } } });
      await sendByMailgun(sandbox, 'late');
      await eventually(async () => expect(await state('late')).toMatchObject([{}, { webhook: 'owed' }]));
      sandbox.setFaults({});
      await sendByMailgun(sandbox, 'prompt');
      await told(1);
      expect(receiver.mailgunEvents()[0]['user-variables'].email_id).toBe('prompt');
    });

    it('come several times', async () => {
      await start();
      sandbox.setFaults({ mailgun: { webhooks: { repeat: 2 } } });
      await sendByMailgun(sandbox, 'thrice');
      await told(3);
      expect(new Set(receiver.told.map(({ body }) => body)).size).toBe(1);
    });

    it('come in another order', async () => {
      await start();
      sandbox.setFaults({ mailgun: { webhooks: { shuffle: true } } });
      const emailIds = Array.from({ length: 20 }, (_, index) => `${index}`.padStart(2, '0'));
      for (const emailId of emailIds) await sendByMailgun(sandbox, emailId);
      await told(20);
      const order = receiver.mailgunEvents().map((data) => data['user-variables'].email_id);
      expect(order).not.toEqual(emailIds);
      expect(order.toSorted()).toEqual(emailIds);
    });

    it('are lost', async () => {
      await start();
      sandbox.setFaults({ mailgun: { webhooks: { loseFraction: 1 } } });
      await sendByMailgun(sandbox, 'lost');
      await eventually(async () => expect(await state('lost')).toMatchObject([{}, { webhook: 'told' }]));
      expect(receiver.told).toEqual([]);
    });

    it('are badly signed', async () => {
      await start();
      sandbox.setFaults({ mailgun: { webhooks: { badSignature: true } } });
      await sendByMailgun(sandbox, 'forged');
      await told(1);
      const { signature } = JSON.parse(receiver.told[0]!.body);
      const right = createHmac('sha256', sandbox.options.mailgun.signingKey)
        .update(signature.timestamp + signature.token)
        .digest('hex');
      expect(signature.signature).not.toBe(right);
    });
  });
});
