import type { Priority } from '../priority.js';
import { counter, histogram } from '../process/metrics/registry.js';
import { PROBLEMS } from './routing/problem-codes.js';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const requests = histogram(
  {
    name: 'tempost_api_request_duration_seconds',
    help: 'Requests to the api, from their headers to the answer',
    labels: ['route', 'method', 'status'],
  },
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
);

const refused = counter({
  name: 'tempost_api_problems_total',
  help: 'Requests that were not done, by the code in the answer',
  labels: ['code'],
});

const submitted = counter({
  name: 'tempost_submissions_total',
  help: 'Submissions by what came of them: accepted, answered again (replayed), or why they were refused',
  labels: ['client_class', 'priority', 'outcome'],
});

interface Answered {
  /** The pattern, never the address; undefined when none matched. */
  readonly route: string | undefined;
  readonly method: string;
  readonly status: number;
  /** The problem's code, when it is one. */
  readonly code: string | undefined;
  readonly durationMs: number;
}

/** Counts a request. Whatever is not ours, a method or a path somebody made up, is counted under one word. */
export function countRequest({ route, method, status, code, durationMs }: Answered): void {
  const labels = {
    route: route ?? 'none',
    method: METHODS.has(method) ? method : 'other',
    status: `${Math.floor(status / 100)}xx`,
  };
  requests.observe(labels, durationMs / 1000);
  if (code) refused.inc({ code: code in PROBLEMS ? code : 'other' });
}

/** What came of a submission. */
export type SubmissionOutcome = 'accepted' | 'replayed' | ReturnType<typeof refusalClass>;

/** Who submits, as far as that is known: clients are many, told apart are those whose key is an operator's. */
interface Submitted {
  readonly operator: boolean | undefined;
  readonly priority: Priority | undefined;
  readonly outcome: SubmissionOutcome;
}

/** Counts a submission. A refused one may be nobody's, and may have been refused before its priority was read. */
export function countSubmission({ operator, priority, outcome }: Submitted): void {
  const client_class = operator === undefined ? 'unknown' : operator ? 'operator' : 'client';
  submitted.inc({ client_class, priority: priority ?? 'unknown', outcome });
}

/** Why a submission was refused, by who has to do something about it. */
export function refusalClass(status: number, code: string | undefined) {
  if (code === 'held') return 'held';
  if (code?.startsWith('idempotency_key_')) return 'key_conflict';
  if (status === 401 || status === 403) return 'not_allowed';
  if (status === 429) return 'limited';
  return status >= 500 ? 'unavailable' : 'invalid';
}
