import type { Client } from '@temporalio/client';
import { unknownToTheRecord } from '../domain/recovery/candidates.js';
import { type Lacking, recordLacking, recordLackingObject } from '../domain/recovery/items.js';
import { isPriority } from '../priority.js';
import { isUuid } from '../uuid.js';
import type { KnownRecovery, SeekDependencies } from './dependencies.js';
import { pages } from './pages.js';
import { type KnownWorkflow, readTrace, workflowsStarted } from './temporal.js';

/** Clocks differ, and what was accepted shortly before was not dispatched at once. */
const MARGIN_MS = 10 * 60_000;
const PAGE = 500;

interface LackingOptions {
  readonly dryRun: boolean;
  /** Of these the object store has attachments. */
  readonly stored: readonly string[];
}

/**
 * Lists the submissions that the restored record lacks, and what remains of each: its workflow in Temporal, and what that
 * tells of its sending; its attachment in the object store. @returns how many there are.
 */
export async function findLacking(
  { db, temporal }: Pick<SeekDependencies, 'db' | 'temporal'>,
  recovery: KnownRecovery,
  { dryRun, stored }: LackingOptions,
): Promise<number> {
  const lacking = new Set<string>();
  const since = new Date(recovery.restoredTo.getTime() - MARGIN_MS);
  if (temporal) {
    for await (const page of pages(workflowsStarted(temporal, { since }), PAGE)) {
      const unknown = new Set(
        await unknownToTheRecord(
          db,
          page.map(({ emailId }) => emailId),
        ),
      );
      for (const known of page.filter(({ emailId }) => unknown.has(emailId))) {
        lacking.add(known.emailId);
        if (!dryRun) await recordLacking(db, recovery.id, await remains(temporal, known));
      }
    }
  }
  for (const emailId of stored) {
    lacking.add(emailId);
    if (!dryRun) await recordLackingObject(db, recovery.id, emailId);
  }
  return lacking.size;
}

/** What Temporal tells of an e-mail that the record lacks. */
async function remains(temporal: Client, { emailId, priority, clientId }: KnownWorkflow): Promise<Lacking> {
  const trace = await readTrace(temporal, emailId, 1);
  return {
    emailId,
    evidence: trace.kind === 'accepted' ? 'sent' : trace.kind,
    provider: trace.kind === 'accepted' ? trace.sent[0]!.provider : null,
    priority: priority && isPriority(priority) ? priority : null,
    clientId: clientId && isUuid(clientId) ? clientId : null,
  };
}
