import type { Client } from '@temporalio/client';
import { lackedByTheRecord, newestAcceptedBy } from '../domain/recovery/candidates.js';
import { type Lacking, type Remains, recordLacking } from '../domain/recovery/lacking.js';
import type { AskedSource, Source, SourceLimit } from '../postgres/schema.js';
import { isPriority } from '../priority.js';
import type { LoggedMessage } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import { isUuid, millisOfUuid } from '../uuid.js';
import type { KnownRecovery, SeekDependencies } from './dependencies.js';
import { readLog } from './logs.js';
import { pages } from './pages.js';
import { describeNamespace, type KnownWorkflow, readTrace, workflowsStarted } from './temporal.js';

/** Clocks differ, and what was accepted shortly before was not dispatched at once. */
const MARGIN_MS = 10 * 60_000;
const PAGE = 500;

type Dependencies = Pick<SeekDependencies, 'db' | 'temporal' | 'providers' | 'config'>;

interface LackingOptions {
  readonly dryRun: boolean;
  /** Of these the object store has attachments. */
  readonly stored: readonly string[];
  /** Told how many there are so far. */
  readonly noted?: (count: number) => void;
}

/** Writes down what is told, each page with the e-mails that the record lacks alone. */
type Note = (told: readonly Lacking[]) => Promise<void>;

/**
 * Lists the submissions that the restored record lacks, and what remains of each, by all who may know: their workflows in
 * Temporal, the providers' logs, the attachments in the object store. A source that cannot tell, or not all, is said.
 *
 * @throws when Temporal does not answer.
 */
export async function findLacking(
  dependencies: Dependencies,
  recovery: KnownRecovery,
  { dryRun, stored, noted = () => {} }: LackingOptions,
): Promise<{ readonly lacking: number; readonly sources: readonly AskedSource[] }> {
  const { db, providers } = dependencies;
  const all = new Set<string>();
  const since = await lacksSince(dependencies, recovery);
  const asked = async (source: Source, ask: (note: Note) => Promise<SourceLimit[]>): Promise<AskedSource> => {
    const found = new Set<string>();
    const limits = await ask(async (told) => {
      if (!dryRun) await recordLacking(db, recovery.id, told);
      for (const { emailId } of told) {
        found.add(emailId);
        all.add(emailId);
      }
      noted(all.size);
    });
    return { source, found: found.size, limits };
  };
  const sources = [
    await asked('temporal', (note) => askTemporal(dependencies, recovery, since, note)),
    await asked('attachments', (note) => tellStored(stored, note)),
  ];
  for (const provider of providers.values()) {
    sources.push(await asked(provider.name, (note) => askLog(dependencies, recovery, { since, provider, note })));
  }
  noted(all.size);
  return { lacking: all.size, sources };
}

/** The record may end earlier than the operator says: the archive may. */
async function lacksSince({ db }: Dependencies, { restoredTo }: KnownRecovery): Promise<Date> {
  const newest = (await newestAcceptedBy(db, restoredTo)) ?? restoredTo;
  return new Date(newest.getTime() - MARGIN_MS);
}

async function askTemporal(
  { db, temporal, config }: Dependencies,
  { temporal: said }: KnownRecovery,
  since: Date,
  note: Note,
): Promise<SourceLimit[]> {
  if (!temporal) return [{ code: 'data_lost', detail: null }];
  for await (const page of pages(workflowsStarted(temporal, { since }), PAGE)) {
    const ids = page.map(({ emailId }) => emailId);
    const lacked = new Set(await lackedByTheRecord(db, ids));
    for (const known of page) {
      // An e-mail has a workflow for each time that it was started.
      if (lacked.delete(known.emailId)) await note([await remains(temporal, known)]);
    }
  }
  const limits: SourceLimit[] = said === 'doubtful' ? [{ code: 'data_doubtful', detail: null }] : [];
  const { retentionMs } = await describeNamespace(temporal, config.temporal.namespace);
  if (since.getTime() < Date.now() - retentionMs) {
    limits.push({ code: 'may_not_reach_back', detail: since.toISOString() });
  }
  return limits;
}

/** What Temporal tells of an e-mail that the record lacks. */
async function remains(temporal: Client, { emailId, priority, clientId }: KnownWorkflow): Promise<Lacking> {
  const trace = await readTrace(temporal, emailId, 1);
  return {
    ...{ emailId, source: 'temporal' },
    evidence: trace.kind === 'accepted' ? 'sent' : trace.kind,
    provider: trace.kind === 'accepted' ? trace.sent[0]!.provider : null,
    priority: priority && isPriority(priority) ? priority : null,
    clientId: clientId && isUuid(clientId) ? clientId : null,
  };
}

async function tellStored(stored: readonly string[], note: Note): Promise<SourceLimit[]> {
  for await (const ids of pages(new Set(stored), PAGE)) {
    await note(ids.map((emailId) => told('attachments', emailId, 'attachment')));
  }
  return [];
}

interface AskedLog {
  readonly since: Date;
  readonly provider: Provider;
  readonly note: Note;
}

function askLog(
  { db, config }: Dependencies,
  { begunAt }: KnownRecovery,
  { since, provider, note }: AskedLog,
): Promise<SourceLimit[]> {
  const found = async (logged: readonly LoggedMessage[]) => {
    const messages = logged.filter((message) => isOurs(message, since, config.messageIdDomain));
    const lacked = await lackedByTheRecord(db, [...new Set(messages.map(({ emailId }) => emailId))]);
    const taken = new Set(messages.filter(({ isRejected }) => !isRejected).map(({ emailId }) => emailId));
    await note(lacked.map((id) => told(provider.name, id, taken.has(id) ? 'sent' : 'rejected')));
  };
  return readLog(provider, { db, since, stoppedAt: begunAt, found });
}

/** An id holds its moment: the record's e-mails since then have one since then. */
function isOurs({ emailId, domain }: LoggedMessage, since: Date, messageIdDomain: string): boolean {
  const madeAt = millisOfUuid(emailId);
  if (madeAt === undefined || madeAt < since.getTime() || madeAt > Date.now() + MARGIN_MS) return false;
  return domain === undefined || domain === messageIdDomain.toLowerCase();
}

const told = <S extends Source>(source: S, emailId: string, evidence: Remains): Lacking => ({
  ...{ emailId, source, evidence, priority: null, clientId: null },
  provider: source === 'attachments' || source === 'temporal' ? null : source,
});
