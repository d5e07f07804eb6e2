import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { insertQueuedEmail } from '../../test/support/emails.js';
import { freePort } from '../../test/support/ports.js';
import { pause } from '../db/controls.js';
import { count } from '../db/counters.js';
import { serveMetrics } from './metrics.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('tells Prometheus the depth, age and lateness of each queue, the breakers, the windows, and what was counted', async () => {
  await insertQueuedEmail(database.db, { priority: 'low', dueInS: -100 });
  await insertQueuedEmail(database.db, { priority: 'low' });
  await insertQueuedEmail(database.db, { priority: 'critical', state: 'in_flight' });
  const stuck = await insertQueuedEmail(database.db, { priority: 'medium', state: 'in_flight' });
  await sql`update email_queue set dispatched_at = now() - interval '3 minutes' where email_id = ${stuck}`.execute(
    database.db,
  );
  await count(database.db, 'ambiguous_attempts', 'mailgun');
  await count(database.db, 'ambiguous_attempts', 'mailgun');
  await database.db.updateTable('provider_health').set({ state: 'open' }).where('provider', '=', 'mandrill').execute();
  await pause(database.db, ['low'], 'test');
  const port = await freePort();
  const sources = {
    db: database.db,
    deadlineMs: { critical: 15_000, medium: 60_000, low: 60_000 },
    providers: ['mailgun' as const, 'mandrill' as const],
    windows: { critical: { size: 10 }, medium: { size: 6 }, low: { size: 3 } },
  };
  const stop = await serveMetrics(sources, '127.0.0.1', port);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  await stop();
  expect(text).toContain('tempost_queue_emails{priority="low",state="waiting"} 2');
  expect(text).toContain('tempost_queue_emails{priority="critical",state="in_flight"} 1');
  expect(text).toContain('tempost_queue_emails{priority="medium",state="waiting"} 0');
  expect(text).toContain('tempost_queue_stuck_emails{priority="medium"} 1');
  expect(text).toContain('tempost_queue_stuck_emails{priority="critical"} 0');
  expect(text).toContain('tempost_queue_late_emails{priority="low"} 1');
  expect(text).toMatch(/tempost_queue_oldest_seconds\{priority="low"\} 10\d/);
  expect(text).toContain('tempost_queue_paused{priority="low",by="tempost"} 1');
  expect(text).toContain('tempost_queue_paused{priority="low",by="temporal"} 0');
  expect(text).toContain('tempost_provider_breaker_open{provider="mandrill"} 1');
  expect(text).toContain('tempost_dispatcher_starting_window{priority="medium"} 6');
  expect(text).toContain('tempost_dispatcher_starting_window{priority="low"} 3');
  expect(text).not.toContain('tempost_dispatcher_starting_window{priority="critical"}');
  expect(text).toContain('tempost_events_total{event="ambiguous_attempts",provider="mailgun"} 2');
});
