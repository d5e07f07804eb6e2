import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../server.js';
import { eventually, mailgunClient, mailgunMessage, sendByMailgun } from '../testing.js';

describe('mailgun protocol, spoken by mailgun.js', () => {
  let sandbox: Sandbox;
  const domain = 'mg.example.com';
  const logLines = () =>
    readFileSync(join(sandbox.dir, 'acceptance.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));

  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.stop());

  /** What mailgun.js throws: the status and Mailgun's own words. */
  const refused = async (message: Record<string, unknown>, client = mailgunClient(sandbox)) => {
    const error = await client.messages.create(domain, message as never).then(
      () => {
        throw new Error('it was taken');
      },
      (thrown: { status: number; details: string }) => thrown,
    );
    return [error.status, error.details];
  };

  it('answers 200 with our Message-ID and has logged the call by then', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 1]);
    const attachment = { data: bytes, filename: 'ünïcode.bin', contentType: 'application/x-test' };
    const answer = await sendByMailgun(sandbox, 'taken', { 'o:tag': ['critical', 'order'], attachment });
    expect(answer).toMatchObject({ status: 200, id: '<taken.1@mg.example.com>', message: 'Queued. Thank you.' });
    expect(logLines()).toMatchObject([
      {
        provider: 'mailgun',
        email_id: 'taken',
        generation: 1,
        attempt: 1,
        message_id: '<taken.1@mg.example.com>',
        provider_message_id: '<taken.1@mg.example.com>',
        receiver: 'reader@example.org',
        priority: 'critical',
        attachment_sha256: [createHash('sha256').update(bytes).digest('hex')],
      },
    ]);
  });

  it('makes a Message-ID when none is given', async () => {
    const { 'h:Message-Id': _, ...message } = mailgunMessage('own-id');
    const answer = await mailgunClient(sandbox).messages.create(domain, message as never);
    expect(answer.id).toMatch(/^<[^@<>]+@mg\.example\.com>$/);
  });

  it('takes form-encoded calls too', async () => {
    const answer = await fetch(`${sandbox.url}/v3/${domain}/messages`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`api:${sandbox.options.mailgun.apiKey}`)}` },
      body: new URLSearchParams({ from: 'a@example.com', to: 'b@example.com', subject: 's', text: 't' }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([200, { message: 'Queued. Thank you.' }]);
  });

  it.each([
    ['from', 'from parameter is missing'],
    ['to', 'to parameter is missing'],
    ['subject', 'subject parameter is missing'],
  ])('400 without %s', async (field, words) => {
    const { [field as 'to']: _, ...message } = mailgunMessage('incomplete');
    expect(await refused(message)).toEqual([400, words]);
    expect(sandbox.acceptance('incomplete')).toEqual([]);
  });

  it('400 without a content', async () => {
    const { text: _, html: __, ...message } = mailgunMessage('empty');
    expect(await refused(message)).toEqual([400, expect.stringContaining('Need at least one of')]);
  });

  it('400 for an address that is none, for a bad Message-ID, and for reject@', async () => {
    expect(await refused(mailgunMessage('bad', { to: 'nobody' }))).toEqual([400, expect.stringContaining("'to'")]);
    expect(await refused(mailgunMessage('bad', { from: 'nobody' }))).toEqual([400, expect.stringContaining("'from'")]);
    expect(await refused(mailgunMessage('bad', { 'h:Message-Id': 'no-brackets' }))).toMatchObject([400, {}]);
    expect(await refused(mailgunMessage('bad', { to: 'reject@example.com' }))).toMatchObject([400, {}]);
    expect(sandbox.acceptance('bad')).toEqual([]);
  });

  it('400 when o:, h:, v: and t: exceed 16 KB together', async () => {
    const big = mailgunMessage('options', { 'v:note': 'x'.repeat(9000), 'h:X-Note': 'y'.repeat(9000) });
    expect(await refused(big)).toEqual([400, expect.stringContaining('16KB')]);
  });

  it('401 with the bare word Forbidden for a wrong key', async () => {
    expect(await refused(mailgunMessage('key'), mailgunClient(sandbox, 'wrong'))).toEqual([401, 'Forbidden']);
  });

  it('404 for a domain that is not ours', async () => {
    const call = mailgunClient(sandbox).messages.create('other.example.com', mailgunMessage('domain') as never);
    await expect(call).rejects.toMatchObject({ status: 404, details: 'Domain not found: other.example.com' });
  });

  it('413 for a message over 25 MB, base64 included; 18 MB still fit', async () => {
    const of = (sizeBytes: number) => ({ attachment: { data: Buffer.alloc(sizeBytes, 7), filename: 'big.bin' } });
    expect(await refused(mailgunMessage('big', of(20 * 1024 * 1024)))).toMatchObject([413, {}]);
    expect(sandbox.acceptance('big')).toEqual([]);
    expect(await sendByMailgun(sandbox, 'fits', of(18 * 1024 * 1024))).toMatchObject({ status: 200 });
  });

  it('drops an attachment without a filename silently', async () => {
    const form = new FormData();
    for (const [name, value] of Object.entries(mailgunMessage('nameless'))) form.append(name, String(value));
    form.append('attachment', 'no name');
    const answer = await fetch(`${sandbox.url}/v3/${domain}/messages`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`api:${sandbox.options.mailgun.apiKey}`)}` },
      body: form,
    });
    expect(answer.status).toBe(200);
    expect(sandbox.acceptance('nameless')[0]?.attachment_sha256).toEqual([]);
  });

  it('greets with 200 at a wrong URL, which mailgun.js takes for an error', async () => {
    const answer = await fetch(`${sandbox.url}/`);
    expect([answer.status, await answer.text()]).toEqual([200, 'Mailgun Magnificent API']);
    const wrong = mailgunClient(sandbox).messages.create('a/b', mailgunMessage('url') as never);
    await expect(wrong).rejects.toMatchObject({ status: 400, message: 'Incorrect url' });
  });

  describe('events.get', () => {
    const events = (query: Record<string, string | number>) =>
      mailgunClient(sandbox).events.get(domain, query as never);
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);

    it('finds by message-id, by recipient and by event', async () => {
      await sendByMailgun(sandbox, 'look', { to: 'look@example.org', 'o:tag': 'seen' });
      await eventually(() => expect(sandbox.happenings('look')).toEqual(['accepted', 'delivered']));
      const found = await events({ 'message-id': 'look.1@mg.example.com' });
      expect(found.items.map((item) => item.event)).toEqual(['delivered', 'accepted']);
      expect(found.items[0]).toMatchObject({
        recipient: 'look@example.org',
        tags: ['seen'],
        'user-variables': { email_id: 'look', generation: '1', attempt: '1' },
        message: { headers: { 'message-id': 'look.1@mg.example.com', subject: 'Your order' } },
        'delivery-status': { code: 250 },
      });
      // Seconds, not milliseconds.
      expect(Math.abs((found.items[0]?.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(600);
      expect((await events({ recipient: 'look@example.org', event: 'accepted' })).items).toHaveLength(1);
      expect((await events({ recipient: 'look@example.org', event: 'accepted OR delivered' })).items).toHaveLength(2);
      expect((await events({ 'message-id': 'never@mg.example.com' })).items).toEqual([]);
    });

    it('goes from the beginning to the end, whichever is earlier, or on from the beginning', async () => {
      const [before, after] = [Math.floor(Date.now() / 1000) - 600, Math.ceil(Date.now() / 1000) + 600];
      const found = async (range: Record<string, string | number>) =>
        (await events({ 'message-id': 'look.1@mg.example.com', ...range })).items.map((item) => item.event);
      expect(await found({ begin: before, end: after })).toEqual(['accepted', 'delivered']);
      expect(await found({ begin: after, end: before })).toEqual(['delivered', 'accepted']);
      expect(await found({ begin: before, ascending: 'yes' })).toEqual(['accepted', 'delivered']);
      expect(await found({ begin: after, ascending: 'no' })).toEqual(['delivered', 'accepted']);
      expect(await found({ begin: after, ascending: 'yes' })).toEqual([]);
      expect(await found({ begin: before, ascending: 'no' })).toEqual([]);
    });

    it('pages to an empty page', async () => {
      const query = { 'message-id': 'look.1@mg.example.com', limit: 1, ascending: 'yes' };
      const seen: string[] = [];
      let page = await events(query);
      while (page.items.length > 0) {
        seen.push(...page.items.map((item) => item.event));
        page = await events({ page: page.pages.next?.page ?? '' });
      }
      expect(seen).toEqual(['accepted', 'delivered']);
    });
  });

  it('logs.list finds by message id', async () => {
    await sendByMailgun(sandbox, 'log');
    const values = [{ label: 'log.1@mg.example.com', value: 'log.1@mg.example.com' }];
    const found = await mailgunClient(sandbox).logs.list({
      start: new Date(Date.now() - 60_000),
      end: new Date(),
      events: ['accepted'],
      filter: { AND: [{ attribute: 'message_id', comparator: '=', values }] },
    });
    expect(found.items).toMatchObject([{ event: 'accepted', recipient: 'reader@example.org' }]);
    expect(found.items[0]?.['@timestamp']).toBeInstanceOf(Date);
  });
});
