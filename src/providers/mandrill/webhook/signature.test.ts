import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MANDRILL_KEY, MANDRILL_URL } from '../../../../test/support/webhooks.js';
import { isFromMandrill, isMandrillSignature } from './signature.js';

describe('a signature of Mandrill', () => {
  const settings = { webhookKey: MANDRILL_KEY, webhookUrl: MANDRILL_URL };
  const sign = (key: string, text: string) => createHmac('sha1', key).update(text).digest('base64');
  const check = (signature: string, fields: readonly (readonly [string, string])[]) =>
    isFromMandrill(
      signature,
      // A value in several pieces is still one value.
      fields.map(([name, value]) => ({
        name,
        value: [value.slice(0, 1), value.slice(1)].map((it) => Buffer.from(it)),
      })),
      settings,
    );
  const batch = [['mandrill_events', '[{"event":"send"}]']] as const;
  const text = batch[0].join('');

  it('covers the configured address and the fields, sorted by name', async () => {
    const fields = [
      ['mandrill_events', '[]'],
      ['b', '2'],
      ['a', '1'],
    ] as const;
    expect(await check(sign(MANDRILL_KEY, `${MANDRILL_URL}a1b2mandrill_events[]`), fields)).toBe(true);
  });
  it('is right over a large batch', async () => {
    const large = 'ü'.repeat(3_000_000);
    expect(
      await check(sign(MANDRILL_KEY, `${MANDRILL_URL}mandrill_events${large}`), [['mandrill_events', large]]),
    ).toBe(true);
  });
  it('is wrong with another key, another address, or other content', async () => {
    expect(await check(sign(MANDRILL_KEY, MANDRILL_URL + text), batch)).toBe(true);
    expect(await check(sign('another', MANDRILL_URL + text), batch)).toBe(false);
    expect(await check(sign(MANDRILL_KEY, `http://127.0.0.1/${text}`), batch)).toBe(false);
    expect(await check(sign(MANDRILL_KEY, `${MANDRILL_URL}${text} `), batch)).toBe(false);
    expect(await check('', batch)).toBe(false);
  });
  it('by the test key is right for an empty batch only', async () => {
    const test = (events: string) =>
      check(sign('test-webhook', `${MANDRILL_URL}mandrill_events${events}`), [['mandrill_events', events]]);
    expect(await test('[]')).toBe(true);
    expect(await test('[{"event":"send"}]')).toBe(false);
  });
  it('is the base64 of twenty bytes', () => {
    expect(isMandrillSignature(sign(MANDRILL_KEY, text))).toBe(true);
    for (const other of ['', 'x', 'A'.repeat(28), `${sign(MANDRILL_KEY, text)}A`]) {
      expect(isMandrillSignature(other)).toBe(false);
    }
  });
});
