import { readTraceparents } from '../domain/emails/traceparents.js';
import { inSpan, isTracing, noteOnSpan } from '../process/tracing/tracing.js';
import type { ActivityDependencies } from './dependencies.js';

/** What an activity says of how it ended, if it does: codes only, as in a workflow's history. */
interface Ended {
  readonly kind?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
}

/** Does an activity's work in a span of its e-mail's trace; without tracing it just does it. */
export async function traced<T>(
  { db, priority }: Pick<ActivityDependencies, 'db' | 'priority'>,
  name: 'send' | 'reconcile' | 'upload' | 'delivery check',
  { emailId, provider }: { readonly emailId: string; readonly provider?: string },
  work: () => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work();
  // A trace must not keep an e-mail from anything: without the database the work itself says what is wrong.
  const known = await readTraceparents(db, [emailId]).catch(() => new Map<string, string>());
  const attributes = { 'tempost.priority': priority, 'tempost.provider': provider };
  return inSpan(name, { emailId, traceparent: known.get(emailId), kind: 'consumer', attributes }, async () => {
    const result = await work();
    const { kind, code, status } = (typeof result === 'object' ? result : { kind: result }) as Ended;
    noteOnSpan({ 'tempost.outcome': textOf(kind), 'tempost.code': textOf(code), 'tempost.status': textOf(status) });
    return result;
  });
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);
