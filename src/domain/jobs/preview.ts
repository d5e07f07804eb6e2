import type { JsonObject } from '../../postgres/schema/json.js';
import type { PlanContext } from './kind.js';
import { JOB_KINDS, type JobKindName } from './kinds.js';

/** What a job would do, as things are. */
export interface Preview {
  /** How many items it would have. */
  readonly matched: number;
  /** False: there are more, and it was not the time to count them. */
  readonly complete: boolean;
  readonly by_status: Readonly<Record<string, number>>;
  readonly by_priority: Readonly<Record<string, number>>;
  /** Those with the most. */
  readonly by_client: Readonly<Record<string, number>>;
  /** How many of them would be skipped, by the reason. */
  readonly would_skip: Readonly<Record<string, number>>;
  /** The first of them. */
  readonly sample: readonly string[];
}

const SAMPLE = 20;
const CLIENTS = 20;

/**
 * Lists what a job would do, and changes nothing.
 *
 * @param timeoutMs after so long it answers with what it has counted.
 */
export async function previewJob(
  context: PlanContext,
  { kind, parameters }: { readonly kind: JobKindName; readonly parameters: object },
  timeoutMs: number,
): Promise<Preview> {
  const endsAt = Date.now() + timeoutMs;
  const job = { id: '', parameters: parameters as JsonObject };
  const seen = new Set<string>();
  const counts = { by_status: tally(), by_priority: tally(), by_client: tally(), would_skip: tally() };
  let cursor: JsonObject | null = null;
  do {
    const page = await JOB_KINDS[kind].plan(context, job, cursor);
    for (const { target, about, foreseen } of page.items) {
      if (seen.has(target)) continue;
      seen.add(target);
      if (about) counts.by_status.add(about.status);
      if (about) counts.by_priority.add(about.priority);
      if (about) counts.by_client.add(about.client);
      if (foreseen) counts.would_skip.add(foreseen);
    }
    cursor = page.next;
  } while (cursor && Date.now() < endsAt);
  return {
    matched: seen.size,
    complete: cursor === null,
    by_status: counts.by_status.most(),
    by_priority: counts.by_priority.most(),
    by_client: counts.by_client.most(CLIENTS),
    would_skip: counts.would_skip.most(),
    sample: [...seen].slice(0, SAMPLE),
  };
}

function tally() {
  const counts = new Map<string, number>();
  return {
    add: (name: string) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    most: (limit?: number) => Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, limit)),
  };
}
