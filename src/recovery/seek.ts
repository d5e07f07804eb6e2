import type { Client } from '@temporalio/client';
import { ensureProviders } from '../domain/provider-health/rows.js';
import { type Candidate, countCandidates, nextCandidates } from '../domain/recovery/candidates.js';
import { recordJudgement } from '../domain/recovery/items.js';
import { noteSought, noteSources } from '../domain/recovery/recoveries.js';
import { type Judgement, judge, type SentEvidence, type Trace } from '../domain/recovery/verdict.js';
import type { AskedSource } from '../postgres/schema.js';
import { inParallel } from '../process/parallel.js';
import { type KnownRecovery, RefusedError, type SeekDependencies } from './dependencies.js';
import { findLacking } from './lacking.js';
import { compareObjects } from './objects.js';
import { askProvider } from './providers.js';
import { describeNamespace, readTrace } from './temporal.js';

const BATCH = 200;
/** Histories are read side by side, so many at once. */
const AT_ONCE = 10;

export interface SeekOptions {
  /** Judge and count, and write nothing down. */
  readonly dryRun: boolean;
  /** Told after each batch. */
  readonly progress?: (progress: Progress) => void;
}

export interface Progress {
  readonly judged: number;
  /** Still to be judged when it began. */
  readonly of: number;
  readonly sent: number;
  readonly unsent: number;
  readonly unknown: number;
  readonly lacking: number;
}

/** How it went, and who could tell how much of what the record lacks. */
export interface Sought extends Progress {
  readonly sources: readonly AskedSource[];
  /** The recovery is finished: what the record lacks was listed, and nothing judged. */
  readonly onlyListed: boolean;
}

/**
 * Seeks evidence for every e-mail that the restored record believes unsent, and adopts what was sent. What it has judged
 * is written down e-mail by e-mail: killed at any moment and begun again, it goes on where it was.
 *
 * @throws RefusedError when Temporal's data are not those that the record knew, though they are said to be intact;
 *   otherwise whatever could not be asked: what was not judged is judged the next time.
 */
export async function seekEvidence(
  dependencies: SeekDependencies,
  recovery: KnownRecovery,
  { dryRun, progress = () => {} }: SeekOptions,
): Promise<Sought> {
  const { db, catalogue } = dependencies;
  // Whose turn it is to search stands in their rows.
  await ensureProviders(db);
  const temporalIsWhole = await isTemporalWhole(dependencies, recovery);
  const counts = { judged: 0, of: await countCandidates(db, recovery), sent: 0, unsent: 0, unknown: 0, lacking: 0 };
  const { uploaded, lacking: stored } = await compareObjects(dependencies, recovery.restoredTo);
  for (let after: string | null = null; ; ) {
    const batch: Candidate[] = await nextCandidates(db, recovery, after, BATCH);
    if (batch.length === 0) break;
    after = batch.at(-1)!.emailId;
    const judgements = await judgeBatch(dependencies, recovery, batch, { temporalIsWhole, uploaded });
    for (const [index, judgement] of judgements.entries()) {
      if (!dryRun) await recordJudgement(db, recovery.id, batch[index]!, judgement, catalogue);
      counts[judgement.verdict]++;
      counts.judged++;
    }
    progress(counts);
  }
  const noted = (lacking: number) => {
    counts.lacking = lacking;
    progress(counts);
  };
  const { sources } = await findLacking(dependencies, recovery, { dryRun, stored, noted });
  if (!dryRun) await noteSought(db, recovery, sources);
  return { ...counts, sources, onlyListed: false };
}

/**
 * Lists what the record lacks once more, and judges nothing: for a recovery that is finished, when logs that lagged have
 * come to their end.
 *
 * @throws when Temporal or the store does not answer.
 */
export async function listLacking(
  dependencies: SeekDependencies,
  recovery: KnownRecovery,
  { dryRun, progress = () => {} }: SeekOptions,
): Promise<Sought> {
  const counts = { judged: 0, of: 0, sent: 0, unsent: 0, unknown: 0, lacking: 0 };
  const { lacking: stored } = await compareObjects(dependencies, recovery.restoredTo);
  const noted = (lacking: number) => progress({ ...counts, lacking });
  const { lacking, sources } = await findLacking(dependencies, recovery, { dryRun, stored, noted });
  if (!dryRun) await noteSources(dependencies.db, recovery, sources);
  return { ...counts, lacking, sources, onlyListed: true };
}

async function isTemporalWhole(
  { db, temporal, config }: SeekDependencies,
  { temporal: said, restoredTo }: KnownRecovery,
): Promise<boolean> {
  if (said !== 'intact' || !temporal) return false;
  const { namespace } = config.temporal;
  const { id, retentionMs } = await describeNamespace(temporal, namespace);
  const known = await db
    .selectFrom('temporal_namespaces')
    .select('namespace_id')
    .where('namespace', '=', namespace)
    .executeTakeFirst();
  if (known && known.namespace_id !== id) {
    throw new RefusedError(
      'Temporal is not intact: its namespace is another one than the record knew. Begin again with --temporal doubtful, or with --temporal lost if it holds nothing.',
    );
  }
  // A workflow that ended before then may have been removed: its absence would prove nothing.
  return restoredTo.getTime() > Date.now() - retentionMs;
}

interface Known {
  readonly temporalIsWhole: boolean;
  readonly uploaded: ReadonlySet<string>;
}

async function judgeBatch(
  dependencies: SeekDependencies,
  recovery: KnownRecovery,
  batch: readonly Candidate[],
  { temporalIsWhole, uploaded }: Known,
): Promise<Judgement[]> {
  const traces = await readTraces(dependencies.temporal, batch);
  const judged = (found: ReadonlyMap<string, readonly SentEvidence[]>) =>
    batch.map((email, index) =>
      judge(email, traces[index]!, found.get(email.emailId) ?? [], {
        temporalIsWhole,
        wasUploaded: email.hasSpool && uploaded.has(email.emailId),
      }),
    );
  // What is proven unsent is not asked for: there may be a million of it, and providers limit searches. That it was due
  // later is no proof: it may have been rescheduled, and sent.
  const first = judged(new Map());
  const isOpen = (email: Candidate, index: number) =>
    email.isDead
      ? !(temporalIsWhole && isSettled(traces[index]!))
      : first[index]!.verdict !== 'unsent' || first[index]!.evidence === 'due_later';
  const doubtful = batch.filter(isOpen);
  return judged(await askAll(dependencies, recovery, doubtful));
}

/** A dead letter that was retried since the point of the restore has a workflow that says more than this. */
const isSettled = ({ kind }: Trace) => kind === 'ended' || kind === 'absent' || kind === 'not_taken';

async function readTraces(temporal: Client | null, batch: readonly Candidate[]): Promise<Trace[]> {
  if (!temporal) return batch.map(() => ({ kind: 'unasked' }));
  const traces: Trace[] = [];
  await inParallel(batch.length, AT_ONCE, async (n) => {
    traces[n] = await readTrace(temporal, batch[n]!.emailId, batch[n]!.generation);
  });
  return traces;
}

/** Everybody may have it: each provider is asked, side by side. */
async function askAll(
  { db, config, providers }: SeekDependencies,
  { restoredTo }: KnownRecovery,
  emails: readonly Candidate[],
): Promise<Map<string, SentEvidence[]>> {
  const { messageIdDomain } = config;
  const asking = { db, messageIdDomain, since: restoredTo, until: new Date() };
  const answers = await Promise.all([...providers.values()].map((provider) => askProvider(asking, provider, emails)));
  const all = new Map<string, SentEvidence[]>();
  for (const found of answers) {
    for (const [emailId, evidence] of found) all.set(emailId, [...(all.get(emailId) ?? []), ...evidence]);
  }
  return all;
}
