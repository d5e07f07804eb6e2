import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { IN_TEMPORAL } from '../domain/audit/record.js';
import { unexplained } from '../domain/recovery/candidates.js';
import { beginRecovery, latestRecovery, openRecovery } from '../domain/recovery/recoveries.js';
import type { Db } from '../postgres/database.js';
import { type KnownWorkflow, workflowsStarted } from './temporal.js';

/** What a process has seen: kept by it from one look to the next. */
export interface Looked {
  /** What the last look saw that found nothing which the record lacks. */
  clean?: readonly StartedEmail[];
}

type StartedEmail = Pick<KnownWorkflow, 'emailId' | 'startedAt'>;

/** So many of the newest workflows are compared with the record. */
const NEWEST = { atStart: 1_000, meanwhile: 100 };

/** Retention keeps an e-mail for a day at least: what was started since then is in the record. */
const LOOKED_BACK_MS = 20 * 60 * 60_000;

interface Guarded {
  readonly db: Db;
  readonly client: Client;
  readonly logger: Logger;
}

/**
 * Notices that the record is older than Temporal. A workflow is started only after its e-mail is committed, so one whose
 * e-mail the record does not know says that the record was restored to an earlier point, or is another one. Then what had
 * been sent since would be sent again: a recovery begins, and nothing is sent before it is finished.
 *
 * If Temporal cannot say it now, nothing is stopped: the dispatchers look again and again.
 *
 * @param looked what the last clean look saw is looked for again: where the record was restored beneath running processes,
 *   what is started since would hide what was lost.
 * @returns whether a recovery goes on.
 */
export async function guardAgainstOlderRecord(
  { db, client, logger }: Guarded,
  when: keyof typeof NEWEST,
  looked: Looked = {},
): Promise<boolean> {
  if (await openRecovery(db)) {
    if (when === 'atStart') logger.warn('a recovery goes on: nothing is sent before `tempost recover finish`');
    return true;
  }
  let since: Date;
  let newest: StartedEmail[];
  try {
    since = await lookedBackTo(db);
    newest = await newestEmails(client, since, NEWEST[when]);
  } catch (error) {
    logger.warn({ error: (error as Error).name }, 'Temporal could not be asked whether the record is as new as it');
    return false;
  }
  const before = (looked.clean ?? []).filter(({ startedAt }) => startedAt >= since);
  const ids = new Set([...newest, ...before].map(({ emailId }) => emailId));
  const unknown = await unexplained(db, [...ids]);
  if (unknown.length === 0) {
    looked.clean = newest;
    return false;
  }
  await beginRecovery(db, IN_TEMPORAL, null);
  logger.error(
    { emailId: unknown[0], count: unknown.length },
    'Temporal knows e-mails that the record does not: it was restored, or is another one. Nothing is sent; see `tempost recover`',
  );
  return true;
}

/** What was started before a recovery began, it has dealt with: by listing it, or because Temporal was given up. */
async function lookedBackTo(db: Db): Promise<Date> {
  const begunAt = (await latestRecovery(db))?.begunAt.getTime() ?? 0;
  return new Date(Math.max(begunAt, Date.now() - LOOKED_BACK_MS));
}

async function newestEmails(client: Client, since: Date, limit: number): Promise<StartedEmail[]> {
  const newest: StartedEmail[] = [];
  for await (const { emailId, startedAt } of workflowsStarted(client, { since, pageSize: limit })) {
    newest.push({ emailId, startedAt });
    if (newest.length >= limit) break;
  }
  return newest;
}
