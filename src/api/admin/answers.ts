import { z } from 'zod';
import { priority, providerName } from '../fields.js';
import { hold } from '../holds/schema.js';
import { countOf, listOf, moment } from '../routing/answers.js';

const queue = z
  .object({
    priority,
    paused: z.boolean(),
    pauses: listOf(
      z.object({
        by: z.enum(['tempost', 'temporal']).describe('`temporal`: made in Temporal alone, past us.'),
        since: moment,
        reason: z.string().nullable(),
        who: z.string().nullable().describe('Whose key it was, as `client` or `client/key`; null: not known.'),
      }),
    ),
    waiting: countOf('Due, and not dispatched yet.'),
    held: countOf('Due, and held; see `/api/admin/holds`.'),
    scheduled: countOf('With a `send_at` ahead.'),
    in_flight: countOf('With a workflow, and not handed over yet.'),
    stuck: countOf('Of those in flight: dispatched more than two minutes ago.'),
    backing_off: countOf('Waiting for their next try.'),
    awaiting_provider: countOf('Had their turn and found no provider: asleep until one admits them.'),
    handed_over: countOf('With a provider; news is awaited.'),
    oldest_waiting_s: z.int().nullable().describe('Age of the oldest that waits, in seconds, from when it was due.'),
    past_deadline: countOf('Not handed over though its deadline has passed, and not held.'),
    admitting_providers: listOf(providerName).describe('Those that take this priority now.'),
  })
  .meta({ id: 'Queue' });

export const queueList = z.object({ queues: listOf(queue) });

const provider = z
  .object({
    provider: providerName,
    configured: z.boolean().describe('E-mails are sent through it.'),
    enabled: z.boolean(),
    forced: z.enum(['open', 'closed']).nullable().describe('The breaker’s state by an operator’s word.'),
    rate_per_s: z.number().nullable().describe('Calls a second, over all processes; null: no limit.'),
    per_day: z.int().nullable().describe('Calls a day; null: no limit.'),
    reason: z.string().nullable(),
    changed_at: moment,
    changed_by: z.string().nullable().describe('Whose key it was, as `client` or `client/key`; null: not known.'),
    breaker: z.object({
      state: z.enum(['closed', 'open', 'half_open']),
      failures: countOf('In a row.'),
      last_code: z.string().nullable(),
      opened_at: moment.nullable(),
      probe_at: moment.nullable().describe('When the next call may be made as a probe.'),
      misconfigured: z.boolean().describe('Our account there is refused: a person has to look.'),
    }),
    used_today: countOf('Calls since midnight UTC.'),
    blocked_domains: listOf(z.object({ domain: z.string(), until: moment, code: z.string() })).describe(
      'Sender domains that this provider does not take for now.',
    ),
  })
  .meta({ id: 'Provider' });

export const providerList = z.object({ providers: listOf(provider) });

const runningProcess = z
  .object({
    process: z.enum(['api', 'webhooks', 'dispatcher', 'worker']),
    priority: priority.nullable().describe('Of a worker.'),
    host: z.string(),
    pid: z.int(),
    version: z.string(),
    started_at: moment,
    beat_at: moment.describe('When it last said that it runs; it does so every five seconds.'),
    beat_s: z.number().describe('How long ago that is, in seconds.'),
    silent: z.boolean().describe('For more than 12 s: frozen, cut off from the database, or dead.'),
    polling: z.boolean().nullable().describe('Of a worker: it asks Temporal for tasks, and Temporal answers.'),
    slots_used: z.int().nullable().describe('Of a worker: calls to providers under way.'),
    slots: z.int().nullable().describe('Of a worker: how many there may be.'),
    last_task_at: moment.nullable().describe('Of a worker: when it last got a task; null: none yet.'),
    build_id: z.string().nullable().describe('Of a worker: its `WORKER_BUILD_ID`; null: it has none.'),
  })
  .meta({ id: 'Process' });

const scale = z
  .object({
    priority,
    waiting: countOf('Due, and not dispatched yet.'),
    held: countOf('Due, and held by an operator: no work for a worker.'),
    in_flight: countOf('Being handed over.'),
    in_flight_limit: countOf('How many may be in flight.'),
    oldest_s: z.int().nullable().describe('Age of the oldest that waits, from when it was due; null: none waits.'),
    oldest_deadline_in_s: z.number().nullable().describe('Until its deadline; negative: that has passed.'),
    arrivals_per_s: z.object({ over_1_min: z.number(), over_5_min: z.number() }).describe('E-mails accepted a second.'),
    paused: z.boolean(),
    admitted: z.boolean().describe('A provider takes it. While none does, more workers are no help.'),
    workers: countOf('Workers that say that they run.'),
    worker_slots: countOf('Calls that one worker makes at once.'),
    scale_emails: countOf('The e-mails that are work for workers; 0 while paused.'),
    wanted_workers: countOf('How many workers there should be.'),
  })
  .meta({ id: 'Scale' });

export const scaleList = z.object({ as_of: moment, priorities: listOf(scale) });

const bytes = z.int().min(0);

const disk = z
  .object({
    database_bytes: bytes.describe('What PostgreSQL’s database takes.'),
    groups: z.record(z.string(), bytes).describe('Of it, with indexes, by what is in the tables.'),
    months: z.record(z.string(), bytes).describe('Of it, e-mails with what belongs to them, by month as `YYYYMM`.'),
    growth_bytes: bytes
      .nullable()
      .describe('A day, over the last week, without what was removed; null: not known yet.'),
    free_bytes: bytes.nullable().describe('Room that is left; null: `DISK_CAPACITY_GB` is not set.'),
    days_left: z.int().min(0).nullable().describe('At that growth; null: not known, or it does not grow.'),
  })
  .meta({ id: 'DiskUse' });

export const overview = z
  .object({
    as_of: moment,
    queues: listOf(queue),
    providers: listOf(provider),
    holds: listOf(hold),
    processes: listOf(runningProcess).describe('Those that run, or died in the last hour.'),
    dead_letters: z.object({
      waiting: countOf('Dead e-mails that nobody has retried or discarded.'),
      by_reason: z.record(z.string(), z.int()),
    }),
    unmatched_webhooks: countOf('Webhooks of the last 24 hours that name no e-mail that we know.'),
    pending_signals: countOf('News that workflows have not been told yet: grows while Temporal is down.'),
    oldest_pending_signal_s: z.int().nullable().describe('How long the oldest of them has waited, in seconds.'),
    untold_failures: countOf('Failures of which senders are told by a digest, at the end of its hour.'),
    oldest_untold_failure_s: z.int().nullable().describe('Since the oldest such hour began, in seconds.'),
    disk,
    counters: listOf(z.object({ name: z.string(), label: z.string(), value: z.int() })),
  })
  .meta({ id: 'Overview' });
