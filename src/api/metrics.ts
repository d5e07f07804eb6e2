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
  help: 'Submissions that were accepted, or answered again under their Idempotency-Key (replayed)',
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

/** Counts an accepted submission. Clients are many: told apart are those whose key is an operator's. */
export function countSubmission(operator: boolean, priority: string, outcome: 'accepted' | 'replayed'): void {
  submitted.inc({ client_class: operator ? 'operator' : 'client', priority, outcome });
}
