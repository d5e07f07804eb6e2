import { afterAll, beforeAll, expect, it } from 'vitest';
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
import { exposeProcess } from '../process/metrics/registry.js';

const AN_HOUR_AND_MORE_S = 4_000;

let service: OwnWebhooks;
beforeAll(async () => {
  service = await startOwnWebhooks();
});
afterAll(() => service?.stop());

const post = (event: object, signature?: object) => postMailgun(service.url, mailgunBody(event, signature));

it('counts events by provider and outcome, how late they come, and refusals by their code', async () => {
  const email = await insertEmail(service.db, [{ provider: 'mailgun', state: 'accepted' }]);
  const late = { timestamp: nowS() - AN_HOUR_AND_MORE_S };
  await post(mailgunEvent(email, 'delivered', late));
  await post(mailgunEvent({ id: '00000000-0000-4000-8000-000000000000' }, 'delivered', late));
  await post(mailgunEvent(email, 'opened'), mailgunSignature({ key: 'wrong' }));
  await fetch(`${service.url}/webhooks/made-up`, { method: 'POST', body: 'x' });
  const text = await exposeProcess();
  expect(text).toContain('tempost_webhook_events_total{provider="mailgun",outcome="matched"} 1');
  expect(text).toContain('tempost_webhook_events_total{provider="mailgun",outcome="unmatched"} 1');
  expect(text).toContain('tempost_webhook_lag_seconds_bucket{le="3600",provider="mailgun"} 0');
  expect(text).toContain('tempost_webhook_lag_seconds_bucket{le="14400",provider="mailgun"} 1');
  expect(text).toContain('tempost_webhook_refusals_total{route="/webhooks/mailgun",code="bad_signature"} 1');
  expect(text).toContain('tempost_webhook_refusals_total{route="none",code="not_found"} 1');
});

it('a stranger makes no series', async () => {
  const series = async () => (await exposeProcess()).split('\n').filter((line) => line.startsWith('tempost_')).length;
  const before = await series();
  for (let each = 0; each < 10; each++) {
    await fetch(`${service.url}/webhooks/made-up-${each}`, { method: 'POST', body: 'x' });
    await post({ event: `word-${each}` }, mailgunSignature({ key: 'wrong' }));
  }
  expect(await series()).toBe(before);
});
