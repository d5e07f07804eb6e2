import type { Decision, RecoveryItem } from '../../domain/recovery/items.js';
import type { AskedSource, SourceLimit } from '../../postgres/schema.js';
import type { Operator, RecoveryState } from '../../recovery/operate.js';
import type { Progress } from '../../recovery/seek.js';
import { isUuid } from '../../uuid.js';
import { UsageError } from '../api.js';
import type { Commands, Environment, Output } from '../command.js';
import { facts, table } from '../format.js';

const VERDICTS = ['unknown', 'lacking', 'sent', 'unsent'] as const;
const TEMPORAL = ['intact', 'doubtful', 'lost'] as const;
const DEFAULT_LIMIT = 100;
const MOST = 10_000;

/** Loaded when it is needed: it brings what calls providers, and Temporal's native part. */
async function onRecord<T>(env: Environment, work: (operator: Operator) => Promise<T>): Promise<T> {
  const { asOperator } = await import('../../recovery/operate.js');
  return asOperator(env, work);
}

function oneOf<T extends string>(word: string | undefined, option: string, all: readonly T[]): T {
  if (word !== undefined && (all as readonly string[]).includes(word)) return word as T;
  throw new UsageError(`--${option} must be one of ${all.join(', ')}.`);
}

function momentOf(text: string | undefined): Date {
  const at = new Date(text ?? '');
  const isWhole = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text ?? '');
  if (!isWhole || Number.isNaN(at.getTime())) {
    throw new UsageError('--restored-to must be a time with its zone, such as 2030-01-31T09:00:00Z.');
  }
  if (at.getTime() > Date.now()) throw new UsageError('--restored-to lies ahead.');
  return at;
}

function limitOf(text: string | undefined): number {
  const limit = Number(text ?? DEFAULT_LIMIT);
  if (Number.isInteger(limit) && limit > 0 && limit <= MOST) return limit;
  throw new UsageError(`--limit must be a whole number up to ${MOST}.`);
}

const LIMITS: Readonly<Record<SourceLimit['code'], (detail: string | null) => string>> = {
  data_lost: () => 'its data are lost',
  data_doubtful: () => 'its data may lack some',
  no_log: () => 'tells nothing afterwards',
  not_read: (code) => `could not be read to its end: ${code}`,
  may_lag: (at) => `may lack the newest until ${at}: run \`tempost recover run\` once more then`,
  may_not_reach_back: (since) => `may not reach back to ${since}`,
  cut: () => 'shows a part only, however it is asked',
  too_long: () => 'longer than is read: the rest was not',
};

const PROGRESS_EVERY_MS = 1_000;

/** Tells what has changed, once in so long: there may be a million of them. */
export function progressTeller(say: (text: string) => void, now: () => number = Date.now): (text: string) => void {
  let [told, toldAt] = ['', Number.NEGATIVE_INFINITY];
  return (text) => {
    if (text === told || now() - toldAt < PROGRESS_EVERY_MS) return;
    [told, toldAt] = [text, now()];
    say(text);
  };
}

/** Who knows what the record lacks, a line each, and why there may be more. */
const sourceFacts = (sources: readonly AskedSource[]) =>
  sources.map(({ source, found, limits }): [string, string] => {
    const why = limits.map(({ code, detail }) => LIMITS[code](detail));
    return [`lacking, by ${source}`, [`${found}`, ...why].join('; ')];
  });

function stateText({ recovery, counts, pending }: RecoveryState): string {
  const { finishedAt, soughtAt } = recovery;
  const stage = finishedAt ? 'finished: sending is open' : 'NOTHING IS SENT before `tempost recover finish`';
  return facts([
    ['recovery', stage],
    ['begun by', `${recovery.begunBy} at ${recovery.begunAt.toISOString()}`],
    ['restored to', recovery.restoredTo?.toISOString() ?? 'not said yet'],
    ['Temporal', recovery.temporal ?? 'not said yet'],
    ['evidence', soughtAt ? `sought, ${soughtAt.toISOString()}` : `to be sought for ${pending} more`],
    ['sent, adopted', counts.sent],
    ['unsent, to be sent', counts.unsent],
    ['unknown, held', `${counts.unknown} (${counts.undecided} to be decided)`],
    ['lacking in the record', counts.lacking],
    ...sourceFacts(recovery.sources ?? []),
  ]);
}

const progressText = (done: Progress, isDryRun: boolean) =>
  `${isDryRun ? 'would be: ' : ''}${done.judged} of ${done.of} judged: ${done.sent} sent, ${done.unsent} unsent, ` +
  `${done.unknown} unknown; ${done.lacking} lacking`;

function itemTable(items: readonly RecoveryItem[]): string {
  const headings = [
    'e-mail',
    'priority',
    'client',
    'evidence',
    'provider',
    'sources',
    'attachment',
    'status',
    'decision',
  ];
  const rows = items.map((item) => [
    ...[item.emailId, item.priority, item.clientId, item.evidence, item.provider, item.sources.join(',')],
    ...[item.stored ? 'stored' : null, item.status, item.decision],
  ]);
  return items.length > 0 ? table(headings, rows) : 'none';
}

async function decideAbout(
  env: Environment,
  word: string | undefined,
  all: boolean | undefined,
  decision: Decision,
): Promise<Output> {
  if ((word === undefined) === (all !== true)) throw new UsageError('Say which: the id of an e-mail, or --all.');
  if (word !== undefined && !isUuid(word)) throw new UsageError(`"${word}" is no id of an e-mail.`);
  const decided = await onRecord(env, (operator) => operator.decide(word ?? 'all', decision));
  const text = decided === 0 ? 'There was nothing to decide about.' : `${decided} ${decision}`;
  return { json: { decided, decision }, text };
}

export const recoverCommands: Commands = {
  'recover begin': {
    usage: '--restored-to TIME --temporal intact|doubtful|lost',
    summary: 'after a restore of PostgreSQL: stop all sending until it is known what was sent',
    example: 'tempost recover begin --restored-to 2030-01-31T09:00:00Z --temporal intact',
    words: 0,
    options: ['restored-to', 'temporal'],
    help: `Works on PostgreSQL itself, with the environment of a worker; no process has to run, and none should.
--restored-to  the point in time that the record was restored to
--temporal     what became of Temporal's data: intact; doubtful (restored too, or not known); lost
Begun again, it takes what is said into the recovery that goes on, and evidence is sought anew.`,
    runOnRecord: (env, _words, { 'restored-to': at, temporal }) => {
      const restored = { to: momentOf(at), temporal: oneOf(temporal, 'temporal', TEMPORAL) };
      return onRecord(env, async (operator) => {
        const state = await operator.begin(restored);
        return { json: state, text: stateText(state) };
      });
    },
  },
  'recover run': {
    usage: '[--dry-run]',
    summary: 'seek evidence for every e-mail that the restored record believes unsent, and adopt it',
    example: 'tempost recover run --dry-run',
    words: 0,
    options: ['dry-run'],
    help: `Asks Temporal's histories, the attachments' store, and the providers; sends nothing. What was sent is adopted.
What the record lacks is listed by Temporal, the attachments' store and the providers' logs; a source that cannot tell
all says why. May be ended at any moment and run again: it goes on where it was.
Of a recovery that is finished, it lists what the record lacks once more, and judges nothing.
--dry-run  judge and count, and write nothing down`,
    runOnRecord: (env, _words, { 'dry-run': dryRun = false }, console) =>
      onRecord(env, async (operator) => {
        const tell = progressTeller((text) => console.error(text));
        const progress = (done: Progress) => tell(progressText(done, dryRun));
        const done = await operator.seek({ dryRun, progress });
        const counted = done.onlyListed
          ? `The recovery is finished, so nothing was judged; after another restore \`tempost recover begin\` comes first.\n${done.lacking} lacking`
          : progressText(done, dryRun);
        return { json: done, text: `${counted}\n${facts(sourceFacts(done.sources))}` };
      }),
  },
  'recover status': {
    usage: '',
    summary: 'how the latest recovery stands',
    example: 'tempost recover status',
    words: 0,
    runOnRecord: (env) =>
      onRecord(env, async (operator) => {
        const state = await operator.state();
        return { json: state ?? null, text: state ? stateText(state) : 'There has been no recovery.' };
      }),
  },
  'recover list': {
    usage: '[--verdict unknown|lacking|sent|unsent] [--all] [--limit N] [--after ID]',
    summary: 'what is unknown and held, or what the record lacks, one by one',
    example: 'tempost recover list --verdict lacking',
    words: 0,
    options: ['verdict', 'all', 'limit', 'after'],
    help: `--verdict  unknown (the default): nobody knows whether it was sent. lacking: the record does not know the
           e-mail, and this is what remains of it, and which sources know of it. sent: adopted. unsent: goes on
--all      those too that were decided about
--limit    so many at most (${DEFAULT_LIMIT} by default, ${MOST} at most)
--after    those after this one: the list is in the order of ids. With --json, next is the one to name; null: no more`,
    runOnRecord: (env, _words, { verdict = 'unknown', all = false, limit: most, after }) => {
      const limit = limitOf(most);
      if (after !== undefined && !isUuid(after)) throw new UsageError(`"${after}" is no id of an e-mail.`);
      const which = { verdict: oneOf(verdict, 'verdict', VERDICTS), undecided: !all, ...(after && { after }) };
      return onRecord(env, async (operator) => {
        const items = await operator.list({ ...which, limit: limit + 1 });
        const shown = items.slice(0, limit);
        const next = items.length > limit ? shown.at(-1)!.emailId : null;
        const more = next ? `\nthere are more: --after ${next}` : '';
        return { json: { items: shown, next }, text: `${itemTable(shown)}${more}` };
      });
    },
  },
  'recover release': {
    usage: 'ID|--all',
    summary: 'have an unknown e-mail sent, perhaps a second time',
    example: 'tempost recover release --all',
    words: 1,
    options: ['all'],
    help: `Each counts as a possible duplicate. Nothing goes out before the recovery is finished.
--all  every one that was not decided about`,
    runOnRecord: (env, [word], { all }) => decideAbout(env, word, all, 'released'),
  },
  'recover discard': {
    usage: 'ID|--all',
    summary: 'do not send an unknown e-mail: it is cancelled',
    example: 'tempost recover discard 019ad4a0-95c9-7f2e-8a3e-6a1c0e6f7b10',
    words: 1,
    options: ['all'],
    help: `A webhook that tells of it later still makes it delivered.
--all  every one that was not decided about`,
    runOnRecord: (env, [word], { all }) => decideAbout(env, word, all, 'discarded'),
  },
  'recover finish': {
    usage: '',
    summary: 'open sending again; what is unknown stays held until it is decided about',
    example: 'tempost recover finish',
    words: 0,
    runOnRecord: (env) =>
      onRecord(env, async (operator) => {
        const done = await operator.finish();
        const more = done.lagging.map(({ source, until }) => `\n${source} ${LIMITS.may_lag(until)}`);
        return { json: done, text: `Sending is open. ${done.held} unknown e-mails are held.${more.join('')}` };
      }),
  },
};
