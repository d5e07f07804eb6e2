import { createServer } from 'node:http';
import { Gauge, Registry } from 'prom-client';
import { readQueueControls } from '../db/controls.js';
import { readCounters } from '../db/counters.js';
import type { Db } from '../db/database.js';
import { readQueueFigures } from '../db/figures.js';
import { PRIORITIES } from '../priority.js';
import type { Stop } from '../service.js';

/** States always shown, so that a graph falls to zero rather than ending. */
const STATES = ['waiting', 'in_flight', 'backing_off', 'handed_over'] as const;

/**
 * Answers `GET /metrics` for Prometheus. Everything comes from the record at the moment of the scrape, so each
 * dispatcher tells the same, and none has to be the only one.
 */
export async function serveMetrics(db: Db, host: string, port: number): Promise<Stop> {
  const registry = createRegistry(db);
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** All metrics of the system; each is read when it is collected. */
export function createRegistry(db: Db): Registry {
  const registers = [new Registry()];
  const queue = (name: string, help: string, read: (row: { count: number; oldestS: number; late: number }) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['priority', 'state'],
      registers,
      async collect() {
        this.reset();
        for (const priority of PRIORITIES) for (const state of STATES) this.set({ priority, state }, 0);
        for (const row of await readQueueFigures(db)) this.set({ priority: row.priority, state: row.state }, read(row));
      },
    });
  queue('tempost_queue_emails', 'E-mails with something left to be done', (row) => row.count);
  queue('tempost_queue_oldest_seconds', 'How long the oldest of them has been due', (row) => row.oldestS);
  queue('tempost_queue_late_emails', 'E-mails past their deadline and not handed over', (row) => row.late);
  new Gauge({
    name: 'tempost_queue_paused',
    help: '1 while sending of a priority is stopped, by us (tempost) or in Temporal alone (temporal)',
    labelNames: ['priority', 'by'],
    registers,
    async collect() {
      for (const { priority, pausedAt, temporalPausedAt } of await readQueueControls(db)) {
        this.set({ priority, by: 'tempost' }, pausedAt ? 1 : 0);
        this.set({ priority, by: 'temporal' }, temporalPausedAt ? 1 : 0);
      }
    },
  });
  provider('tempost_provider_breaker_open', '1 while the breaker is open, 0.5 half open', (row) =>
    row.state === 'open' ? 1 : row.state === 'half_open' ? 0.5 : 0,
  );
  provider('tempost_provider_misconfigured', '1 while a provider refuses our account or settings', (row) =>
    row.misconfigured ? 1 : 0,
  );
  provider('tempost_provider_failures_in_a_row', 'Failed calls since the last good one', (row) => row.failures);
  new Gauge({
    name: 'tempost_dead_letters',
    help: 'Dead letters waiting for an operator',
    registers,
    async collect() {
      const row = await db
        .selectFrom('dead_emails')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('resolved_at', 'is', null)
        .executeTakeFirstOrThrow();
      this.set(row.count);
    },
  });
  new Gauge({
    name: 'tempost_events_total',
    help: 'Rare events since the beginning, by what happened and at which provider',
    labelNames: ['event', 'provider'],
    registers,
    async collect() {
      for (const { name, label, value } of await readCounters(db)) this.set({ event: name, provider: label }, value);
    },
  });
  return registers[0]!;

  function provider(
    name: string,
    help: string,
    read: (row: { state: string; misconfigured: boolean; failures: number }) => number,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: ['provider'],
      registers,
      async collect() {
        const rows = await db.selectFrom('provider_health').selectAll().execute();
        for (const row of rows) this.set({ provider: row.provider }, read(row));
      },
    });
  }
}
