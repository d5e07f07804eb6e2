import { describe, expect, it } from 'vitest';
import { mailgunEvent } from '../../../../test/support/webhooks.js';
import type { JsonObject } from '../../webhook-format/event.js';
import { normaliseMailgun } from './events.js';

const email = { id: '019ab000-0000-7000-8000-000000000001' };

function eventOf(eventData: JsonObject) {
  const normalised = normaliseMailgun(eventData, undefined);
  if (!('emailId' in normalised)) throw new Error(`unmatched: ${normalised.unmatched}`);
  return normalised.event;
}

/** Payloads as Mailgun sends them, from its documentation and from other projects' fixtures. */
describe('a permanent failure', () => {
  const failed = (fields: JsonObject) => eventOf(mailgunEvent(email, 'failed', { severity: 'permanent', ...fields }));
  const status = (fields: JsonObject) => ({ 'delivery-status': fields });
  const delayed = (fields: JsonObject) => ({
    reason: 'generic',
    flags: { 'is-delayed-bounce': true },
    ...status(fields),
  });
  const unavailable = '5.5.0 Requested action not taken: mailbox unavailable';
  const noAccess = '5.4.1 Recipient address rejected: Access denied';
  const noAccount =
    'smtp; The email account that you tried to reach does not exist. Learn more at https://example.org/';

  it.each<[string, JsonObject]>([
    ['called hard', { reason: 'bounce', ...status({ code: 550, message: unavailable, 'bounce-type': 'hard' }) }],
    ['called hard, 5.4.1', { reason: 'bounce', ...status({ code: 550, message: noAccess, 'bounce-type': 'hard' }) }],
    ['called hard, whatever its reason', { reason: 'generic', ...status({ code: 550, 'bounce-type': 'hard' }) }],
    ['5.5.0, mailbox unavailable', { reason: 'bounce', ...status({ code: 550, message: unavailable }) }],
    ['5.4.1, recipient address rejected', { reason: 'bounce', ...status({ code: 550, message: noAccess }) }],
    ['delayed, 5.0.0', delayed({ code: 550, 'bounce-code': '5.0.0', message: noAccount })],
    ['delayed, 5.1.1', delayed({ code: 550, 'bounce-code': '5.1.1', message: 'smtp; unknown user' })],
    ['delayed, called hard', delayed({ code: 550, 'bounce-type': 'hard' })],
    ['a code of three parts alone', { reason: 'bounce', ...status({ code: '5.1.1', message: 'not found' }) }],
  ])('suppresses the address: %s', (_name, fields) => {
    expect(failed(fields)).toMatchObject({ type: 'bounced', suppress: 'bounced' });
  });

  it.each<[string, JsonObject]>([
    ['a mail loop', { reason: 'bounce', ...status({ code: 550, 'bounce-code': '5.4.14', message: 'lorem' }) }],
    ['a delayed mail loop', delayed({ code: 550, 'bounce-code': '5.4.14', message: 'Hop count exceeded' })],
    ['a delayed full mailbox', delayed({ code: 552, 'bounce-code': '5.2.2', message: 'mailbox full' })],
    ['a delayed bounce without any code', delayed({ message: 'sorry' })],
    [
      'called soft, with a code about the address',
      { reason: 'bounce', ...status({ code: 550, 'enhanced-code': '5.1.1', 'bounce-type': 'soft' }) },
    ],
    ['5.4.1 without a word of the address', { reason: 'bounce', ...status({ code: 550, message: '5.4.1 no answer' }) }],
    ['blocked', { reason: 'espblock', ...status({ code: 550, message: '5.7.1 listed' }) }],
    ['poor list quality', { reason: 'generic', ...status({ code: 625, message: 'Poor mailing list quality' }) }],
  ])('does not suppress the address: %s', (_name, fields) => {
    expect(failed(fields).suppress).toBeUndefined();
  });

  it.each<[string, JsonObject, string]>([
    ['605', { reason: 'suppress-bounce', ...status({ code: 605, message: '' }) }, 'bounced'],
    ['606', { reason: 'suppress-unsubscribe', ...status({ code: 606 }) }, 'unsubscribed'],
    ['607', { reason: 'suppress-complaint', ...status({ code: 607 }) }, 'complained'],
    ['605 called a bounce', { reason: 'bounce', ...status({ code: 605 }) }, 'bounced'],
    ['607 alone', status({ code: 607, 'bounce-type': 'hard' }), 'complained'],
    [
      'a reason with the code of a bounce',
      { reason: 'suppress-unsubscribe', ...status({ code: 550, 'enhanced-code': '5.1.1', 'bounce-type': 'hard' }) },
      'unsubscribed',
    ],
  ])("becomes the client's suppression when Mailgun's own list has the address: %s", (_name, fields, suppress) => {
    expect(failed(fields)).toMatchObject({ type: 'bounced', suppress });
  });

  it("becomes the client's suppression also when Mailgun calls it rejected", () => {
    const raw = mailgunEvent(email, 'rejected', { reject: { reason: 'suppress-complaint', description: '' } });
    expect(eventOf(raw)).toMatchObject({ type: 'failed', suppress: 'complained' });
  });

  it('keeps what it was judged by', () => {
    const fields = delayed({ code: 550, 'bounce-code': '5.4.14', 'bounce-type': 'soft', message: 'loop' });
    expect(failed(fields).metadata).toMatchObject({
      ...{ reason: 'generic', code: '550', bounce_code: '5.4.14', bounce_type: 'soft', delayed: true },
    });
  });
});
