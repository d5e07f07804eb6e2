import type { ProviderName } from '../config.js';
import type { Priority } from '../priority.js';
import { counter, histogram } from '../process/metrics/registry.js';
import type { SendResult } from '../providers/provider.js';

const calls = histogram(
  {
    name: 'tempost_provider_call_duration_seconds',
    help: 'Calls that send an e-mail, by what they came to',
    labels: ['provider', 'priority', 'result'],
  },
  [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
);

/** The bounds that matter are the service levels: 15 s, 15 min, 1 h. */
const handovers = histogram(
  {
    name: 'tempost_handover_duration_seconds',
    help: 'From acceptance, the send_at or a retry to the answer of the provider that took the e-mail',
    labels: ['priority'],
  },
  [0.5, 1, 2.5, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 14_400, 86_400],
);

const late = counter({
  name: 'tempost_late_handovers_total',
  help: 'E-mails that a provider took after the deadline of their priority',
  labels: ['priority'],
});

/** Makes the series of a fleet before anything happens: `increase()` knows nothing of one that begins with a one. */
export function beginCounting(priority: Priority): void {
  handovers.zero({ priority });
  late.inc({ priority }, 0);
}

/** Counts a call. */
export function countCall(provider: ProviderName, priority: Priority, result: SendResult, durationMs: number): void {
  calls.observe({ provider, priority, result: result.kind }, durationMs / 1000);
}

/** Counts an e-mail that a provider has taken. */
export function countHandover(priority: Priority, sinceDueMs: number, deadlineMs: number): void {
  handovers.observe({ priority }, sinceDueMs / 1000);
  if (sinceDueMs > deadlineMs) late.inc({ priority });
}
