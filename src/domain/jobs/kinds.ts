import type { JobKind } from './kind.js';
import { cancel } from './kinds/cancel.js';
import { discard } from './kinds/discard.js';
import { dropMonth } from './kinds/drop-month.js';
import { reroute } from './kinds/reroute.js';
import { retention } from './kinds/retention.js';
import { retry } from './kinds/retry.js';

/** The kinds of job there are, by name. A new one is a file in `kinds/`, a line here, and its body in the api. */
export const JOB_KINDS = {
  cancel,
  discard,
  drop_month: dropMonth,
  reroute,
  retention,
  retry,
} as const satisfies Readonly<Record<string, JobKind>>;

export type JobKindName = keyof typeof JOB_KINDS;

/** @returns undefined for a kind that this release does not know. */
export const jobKind = (name: string): JobKind | undefined =>
  Object.hasOwn(JOB_KINDS, name) ? JOB_KINDS[name as JobKindName] : undefined;
