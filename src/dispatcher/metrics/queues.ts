import type { QueueReport } from '../../domain/queue/report.js';
import type { PerPriority } from '../../priority.js';
import type { NewGauge } from './gauges.js';

const STATES = [
  'waiting',
  'held',
  'scheduled',
  'in_flight',
  'backing_off',
  'awaiting_provider',
  'handed_over',
] as const;

/** Depth, age and lateness of each queue, and what stops it. */
export function measureQueues(gauge: NewGauge, queues: readonly QueueReport[]): void {
  const depth = gauge('tempost_queue_emails', 'E-mails with something left to be done', ['priority', 'state']);
  const oldest = gauge('tempost_queue_oldest_seconds', 'How long the oldest waiting has been due', ['priority']);
  const late = gauge('tempost_queue_late_emails', 'E-mails past their deadline and not handed over', ['priority']);
  const stuck = gauge('tempost_queue_stuck_emails', 'Of those in flight: dispatched more than two minutes ago', [
    'priority',
  ]);
  const paused = gauge('tempost_queue_paused', '1 while stopped: by us (tempost), or in Temporal alone (temporal)', [
    'priority',
    'by',
  ]);
  const admitting = gauge('tempost_queue_admitting_providers', 'How many providers take e-mails of it now', [
    'priority',
  ]);
  for (const queue of queues) {
    const { priority } = queue;
    for (const state of STATES) depth.set({ priority, state }, queue[state]);
    oldest.set({ priority }, queue.oldest_waiting_s ?? 0);
    late.set({ priority }, queue.past_deadline);
    stuck.set({ priority }, queue.stuck);
    admitting.set({ priority }, queue.admitting_providers.length);
    for (const by of ['tempost', 'temporal'] as const) {
      paused.set({ priority, by }, queue.pauses.some((pause) => pause.by === by) ? 1 : 0);
    }
  }
}

/** This dispatcher's own starting windows. */
export function measureWindows(gauge: NewGauge, windows: PerPriority<{ readonly size: number }>): void {
  const window = gauge(
    'tempost_dispatcher_starting_window',
    'Bulk e-mails that this dispatcher lets be on their way to their first call: few when that takes long',
    ['priority'],
  );
  for (const priority of ['medium', 'low'] as const) window.set({ priority }, windows[priority].size);
}
