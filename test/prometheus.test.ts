import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRIORITIES } from '../src/priority.js';
import { type Dashboard, dashboards, expressionsOf, filledIn, panelsOf } from './support/monitoring/dashboards.js';
import { type MetricsPorts, metricsPorts } from './support/monitoring/metrics-ports.js';
import { type Prometheus, prometheusIsHere, startPrometheus } from './support/monitoring/prometheus.js';
import { patient } from './support/patience.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

/** Two minutes, however idle the machine is that TEST_PATIENCE speaks of; the rules and the deadline take 80 s of it. */
const PAGE_WITHIN_MS = Math.max(120_000 / patient(1), 30_000);
const CRITICAL_EVERY_MS = 1_000;
const PAGES = ['TempostCriticalLate', 'TempostWorkerCriticalGone'];

describe.skipIf(!prometheusIsHere())('a real Prometheus beside the real system', () => {
  let system: TestSystem;
  let prometheus: Prometheus;
  let load: { readonly critical: string[]; stop(): Promise<void> };

  beforeAll(async () => {
    const ports = await metricsPorts();
    const env = { BACKOFF_INITIAL_S: '0.2', BACKOFF_MAX_S: '1' };
    system = await startTestSystem({ env, envOf: ports.envOf });
    prometheus = await startPrometheus(targetsOf(ports));
    await produceEverything(system);
    load = submitOnAndOn(system);
  }, patient(180_000));
  afterAll(async () => {
    await load?.stop();
    await prometheus?.stop();
    await system?.drop();
  });

  it('scrapes every process', async () => {
    const scraped = async () =>
      (await prometheus.query('tempost_build_info')).map(({ metric }) => metric.process).sort();
    await until('all are scraped', async () => (await scraped()).length === 6);
    const workers = PRIORITIES.map((priority) => `worker-${priority}`);
    expect(await scraped()).toEqual(['api', 'dispatcher', 'webhooks', ...workers].sort());
    await until('none is in trouble', async () => (await prometheus.troubles()).length === 0);
  });

  it(
    'shows something in every panel of every dashboard, after a run that produced everything',
    async () => {
      for (const [name, dashboard] of dashboards) {
        for (const values of valuesOf(dashboard)) {
          let empty: string[] = [];
          await until(
            () => `no panel of ${name} ${JSON.stringify(values)} is empty; these are: ${empty.join('; ')}`,
            async () => {
              empty = await emptyPanels(prometheus, dashboard, values);
              return empty.length === 0;
            },
          );
        }
      }
    },
    patient(180_000),
  );

  it('finds every metric that a dashboard names, Temporal’s included', async () => {
    const names = [...dashboards.values()].flatMap(expressionsOf).flatMap(metricsIn);
    expect(names.length).toBeGreaterThan(80);
    const missing: string[] = [];
    for (const name of new Set(names)) {
      if ((await prometheus.query(`count({__name__="${name}"})`)).length === 0) missing.push(name);
    }
    // Told only once a request has failed.
    expect(missing.filter((name) => name !== 'temporal_request_failure_total')).toEqual([]);
  });

  it(
    'pages within two minutes of the end of the critical fleet under load, and nothing is lost by it',
    async () => {
      const firing = `ALERTS{alertstate="firing",alertname=~"${PAGES.join('|')}"}`;
      await until('nothing pages yet', async () => (await prometheus.query(firing)).length === 0, 60_000);
      const killedAt = Date.now();
      await system.stack.kill('worker-critical');
      const pages = () =>
        prometheus
          .alerts()
          .filter(({ labels, startsAt }) => PAGES.includes(labels.alertname!) && Date.parse(startsAt) >= killedAt);
      await until(
        () => `it pages; so far: ${JSON.stringify(prometheus.alerts())}`,
        () => new Set(pages().map(({ labels }) => labels.alertname)).size === PAGES.length,
        PAGE_WITHIN_MS,
      );
      for (const { labels } of pages()) expect(labels.severity).toBe('page');
      const late = pages().find(({ labels }) => labels.alertname === 'TempostCriticalLate');
      expect(late?.labels.priority).toBe('critical');

      await system.stack.startProcess('worker-critical');
      await load.stop();
      const callsOf = async () => {
        const calls = (await system.stack.acceptance()).map(({ email_id }) => email_id);
        return load.critical.map((id) => calls.filter((call) => call === id).length);
      };
      await until('all are handed over', async () => !(await callsOf()).includes(0), 60_000);
      expect(new Set(await callsOf())).toEqual(new Set([1]));
    },
    patient(240_000),
  );
});

const targetsOf = ({ envOf }: MetricsPorts) =>
  Object.values(envOf).map(({ METRICS_PORT }) => `127.0.0.1:${METRICS_PORT}`);

/** Mail of all priorities and of every end, refusals, webhooks of strangers, limits, and dead letters. */
async function produceEverything({ stack, database }: TestSystem): Promise<void> {
  const ends = ['reader', 'reject', 'hard-bounce', 'suppressed', 'open', 'complaint', 'ambiguous'];
  await Promise.all(
    PRIORITIES.flatMap((priority) =>
      ends.map((local) => stack.submit({ priority, receiver: `${local}+${priority}@example.org` })),
    ),
  );
  expect((await stack.post({ receiver: 'nobody' })).status).toBe(422);
  expect((await fetch(`${stack.webhooks}/webhooks/mailgun`, { method: 'POST', body: 'x' })).ok).toBe(false);
  // Nobody waits for a breaker: these die of their lifetime, which is over at once.
  await setProviders(database, { forced: 'closed', per_day: 10_000, rate_per_s: 50 });
  await stack.setFaults({ mailgun: { down: true }, mandrill: { down: true } });
  const dead = await Promise.all([1, 2].map(() => stack.submit({ priority: 'low' })));
  const longAgo = sql<Date>`due_at - interval '2 days'`;
  await database.db.updateTable('emails').set({ due_at: longAgo }).where('id', 'in', dead).execute();
  for (const id of dead) await stack.reaches(id, ['dead'], 60_000);
  await stack.setFaults({});
  await setProviders(database, { forced: null });
}

const setProviders = ({ db }: TestSystem['database'], switches: Record<string, string | number | null>) =>
  db.updateTable('provider_controls').set(switches).where('provider', 'in', ['mailgun', 'mandrill']).execute();

/** Mail of all priorities, most of it critical, until it is stopped. */
function submitOnAndOn({ stack }: TestSystem) {
  const critical: string[] = [];
  let goesOn = true;
  const running = (async () => {
    for (let n = 0; goesOn; n++) {
      critical.push(await stack.submit({ priority: 'critical' }));
      if (n % 5 === 0) for (const priority of ['medium', 'low']) await stack.submit({ priority });
      await delay(CRITICAL_EVERY_MS);
    }
  })();
  const stop = () => {
    goesOn = false;
    return running;
  };
  return { critical, stop };
}

/** What the variables of a dashboard can be: each priority, all providers. */
function valuesOf({ templating }: Dashboard): Record<string, string>[] {
  const has = (name: string) => templating.list.some((variable) => variable.name === name);
  const provider: Record<string, string> = has('provider') ? { provider: '.+' } : {};
  return has('priority') ? PRIORITIES.map((priority) => ({ ...provider, priority })) : [provider];
}

async function emptyPanels(prometheus: Prometheus, dashboard: Dashboard, values: Record<string, string>) {
  const empty: string[] = [];
  for (const { title, targets } of panelsOf(dashboard)) {
    for (const { expr } of targets!) {
      const series = await prometheus.query(filledIn(expr, values));
      // What is "not a number" draws nothing.
      if (!series.some(({ value }) => Number.isFinite(value))) empty.push(`${title} (${expr})`);
    }
  }
  return empty;
}

const metricsIn = (expression: string) =>
  expression.match(/\b(tempost|temporal|nodejs|process)_[a-z0-9_]+\b(?!=|,)/g) ?? [];
