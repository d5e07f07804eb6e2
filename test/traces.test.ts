import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { startCollector } from './support/servers/collector.js';
import { PROCESS_NAMES, Stack } from './support/stack.js';
import { createTestNamespace, type TestNamespace } from './support/temporal.js';
import { until } from './support/until.js';

const PATIENT = { timeout: patient(120_000) };

let database: TestDatabase;
let temporal: TestNamespace;
let collector: Awaited<ReturnType<typeof startCollector>>;
let stack: Stack;

beforeAll(async () => {
  [database, temporal, collector] = await Promise.all([createTestDatabase(), createTestNamespace(), startCollector()]);
  stack = await Stack.start({
    databaseUrl: database.url,
    temporalAddress: temporal.address,
    namespace: temporal.namespace,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
}, patient(60_000));
afterAll(async () => {
  await stack?.stop();
  await collector?.stop();
  await temporal?.drop();
  await database?.drop();
});

/** Submits as a client that is traced itself. */
async function submitUnder(traceparent: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('attachment', new Blob(['ada']), 'ada.pdf');
  const headers = { authorization: `Bearer ${stack.key}`, traceparent };
  const response = await fetch(`${stack.api}/api/send`, { method: 'POST', body: form, headers });
  return ((await response.json()) as { id: string }).id;
}

const OF_ADA = {
  sender: 'Shop <shop@example.com>',
  receiver: 'ada@example.org',
  subject: 'Only for Ada',
  content: 'A secret of hers.',
  priority: 'critical',
};
const spansOf = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
const namesOf = (traceId: string) => spansOf(traceId).map(({ service, name }) => `${service} ${name}`);

describe('with OTEL_EXPORTER_OTLP_ENDPOINT set', PATIENT, () => {
  it('one trace holds an e-mail from its submission over dispatch, send and webhook, under the trace of its client', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const id = await submitUnder(`00-${traceId}-b7ad6b7169203331-01`, OF_ADA);
    await stack.reaches(id, ['delivered'], 60_000);
    const whole = [
      'tempost-api request',
      'tempost-dispatcher dispatch',
      'tempost-worker-critical send',
      'tempost-worker-critical call',
      'tempost-worker-critical upload',
      'tempost-webhooks webhook',
    ];
    await until(
      () => `the collector has the whole trace; it has ${namesOf(traceId)}`,
      () => whole.every((name) => namesOf(traceId).includes(name)),
      30_000,
    );
    const spans = spansOf(traceId);
    const one = (name: string) => spans.find((span) => span.name === name)!;
    // The request is the client's child; what follows is the request's, in whichever process.
    expect(one('request').parentSpanId).toBe('b7ad6b7169203331');
    for (const name of ['dispatch', 'send', 'upload', 'webhook'])
      expect([name, one(name).parentSpanId]).toEqual([name, one('request').spanId]);
    expect(one('call').parentSpanId).toBe(one('send').spanId);
    for (const name of ['request', 'dispatch', 'send', 'upload', 'webhook'])
      expect(one(name).attributes).toMatchObject({ 'tempost.email_id': id });
    expect(one('call').attributes).toMatchObject({ 'tempost.provider': 'mailgun', 'tempost.outcome': 'accepted' });
    // Nothing personal goes to the collector, under whatever name.
    expect(collector.text()).not.toMatch(/ada@|shop@|Only for Ada|A secret|ada\.pdf/);
    // The lines of the log name the trace.
    const lines = (['api', 'dispatcher', 'worker-critical', 'webhooks'] as const).flatMap((name) =>
      stack.logOf(name).split('\n'),
    );
    const steps = lines.filter(
      (line) => line.includes(id) && /"msg":"(accepted|dispatched|attempt|outcome|webhook)"/.test(line),
    );
    expect(steps.length).toBeGreaterThanOrEqual(5);
    for (const line of steps) expect(JSON.parse(line)).toMatchObject({ trace_id: traceId });
  });

  it('an e-mail that was accepted without a trace, or with one that is none, has one of its own', async () => {
    const id = await submitUnder('00-not-a-trace', { ...OF_ADA, priority: 'medium' });
    await stack.reaches(id, ['delivered'], 60_000);
    await until('its spans are here', () => collector.spans.some((span) => span.attributes['tempost.email_id'] === id));
    const { traceId } = collector.spans.find((span) => span.attributes['tempost.email_id'] === id)!;
    await until('its send is in the same trace', () => namesOf(traceId).includes('tempost-worker-medium send'));
  });

  it('one that was accepted while traces were off has the trace that its id makes', async () => {
    const sendAt = new Date(Date.now() + 3_000).toISOString();
    const id = await submitUnder('', { ...OF_ADA, priority: 'medium', send_at: sendAt });
    await database.db.updateTable('emails').set({ traceparent: null }).where('id', '=', id).execute();
    const own = id.replaceAll('-', '');
    await until('its call is traced', () => namesOf(own).includes('tempost-worker-medium call'), 60_000);
    await until('its webhook is traced', () => namesOf(own).includes('tempost-webhooks webhook'), 60_000);
  });

  it('a collector that is away costs spans and no mail', async () => {
    await collector.stop();
    const id = await stack.submit({ priority: 'critical' });
    await stack.reaches(id, ['delivered'], 60_000);
    await until('a process says so once', () => stack.logOf('api').includes('spans could not be exported'), 60_000);
    for (const name of PROCESS_NAMES) expect(stack.logOf(name)).not.toContain('unhandled');
    collector = await startCollector();
  });
});
