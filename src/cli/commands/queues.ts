import type { ProcessView } from '../../domain/fleets/heartbeats.js';
import type { ProviderView } from '../../domain/provider-health/switches.js';
import type { Leftovers, PauseView, QueueReport } from '../../domain/queue/report.js';
import type { DiskUse } from '../../domain/samples/disk.js';
import { PRIORITIES } from '../../priority.js';
import { type Api, UsageError } from '../api.js';
import { type Commands, need, type Output, path } from '../command.js';
import { duration, facts, since, table } from '../format.js';
import { diskFacts } from './disk.js';
import { type Holds, holdTable } from './holds.js';
import { providerTable } from './providers.js';

type Queue = Omit<QueueReport, 'pauses'> & {
  readonly pauses: readonly (PauseView & { readonly who: string | null })[];
};
interface Queues {
  readonly queues: readonly Queue[];
}
type Overview = Queues &
  Holds &
  Leftovers & {
    readonly processes: readonly ProcessView[];
    readonly disk: DiskUse;
    readonly providers: readonly (ProviderView & { readonly changed_by: string | null })[];
    readonly counters: readonly { readonly name: string; readonly label: string; readonly value: number }[];
  };

/** Times come as text. */
const words = ({ by, since: from, reason, who }: PauseView & { readonly who: string | null }) =>
  `${by === 'temporal' ? 'paused in Temporal' : 'paused'}${who ? ` by ${who}` : ''} for ${since(String(from))}${reason ? `: ${reason}` : ''}`;

/** The processes' own, where this command has their environment; else Temporal's usual one, to be replaced. */
const temporalAddress = () => process.env.TEMPORAL_ADDRESS || '127.0.0.1:7233';

/** Why nothing is sent, or that it is. */
function stateOf(queue: Queue): string {
  if (queue.paused) return queue.pauses.map(words).join('; ');
  return queue.admitting_providers.length > 0 ? 'sending' : 'no provider takes mail now';
}

function queueTable({ queues }: Queues): string {
  const headings = [
    'priority',
    'waiting',
    'held',
    'oldest',
    'in flight',
    'stuck',
    'backing off',
    'no provider',
    'late',
  ];
  const rows = queues.map((queue) => [
    queue.priority,
    queue.waiting,
    queue.held,
    duration(queue.oldest_waiting_s),
    queue.in_flight,
    queue.stuck,
    queue.backing_off,
    queue.awaiting_provider,
    queue.past_deadline,
    queue.scheduled,
    queue.handed_over,
    stateOf(queue),
  ]);
  const lines = [table([...headings, 'scheduled', 'handed over', 'state'], rows)];
  for (const { priority, pauses } of queues) {
    if (!pauses.some(({ by }) => by === 'temporal')) continue;
    lines.push(
      '',
      `${priority} was paused in Temporal itself. Tempost never lifts such a pause; this does:`,
      `  temporal task-queue config set --address ${temporalAddress()} --task-queue send-${priority} --task-queue-type activity --queue-rps-limit default`,
    );
  }
  return lines.join('\n');
}

function processTable(processes: readonly ProcessView[]): string {
  const headings = ['process', 'priority', 'host', 'pid', 'version', 'runs for', 'slots', 'last task', 'state'];
  const rows = processes.map((each) => [
    each.process,
    each.priority,
    each.host,
    each.pid,
    each.build_id === null ? each.version : `${each.version}, build ${each.build_id}`,
    since(String(each.started_at)),
    each.slots === null ? null : `${each.slots_used} of ${each.slots}`,
    each.last_task_at === null ? null : `${since(String(each.last_task_at))} ago`,
    stateOfProcess(each),
  ]);
  return table(headings, rows);
}

function stateOfProcess({ silent, beat_s, polling }: ProcessView): string {
  if (silent) return `SILENT for ${duration(beat_s)}`;
  return polling === false ? 'does not poll Temporal' : 'well';
}

async function status(api: Api): Promise<Output> {
  const overview = await api.call<Overview>('GET', '/api/admin/overview');
  const { waiting, by_reason } = overview.dead_letters;
  const reasons = Object.entries(by_reason).map(([reason, count]) => `${reason} ${count}`);
  const leftovers = facts([
    ['dead letters', waiting === 0 ? 'none' : `${waiting} (${reasons.join(', ')})`],
    ['webhooks that match no e-mail, 24 h', overview.unmatched_webhooks],
    ['news that workflows await', withAge(overview.pending_signals, overview.oldest_pending_signal_s)],
    ['failures that a digest will tell', withAge(overview.untold_failures, overview.oldest_untold_failure_s)],
    ...diskFacts(overview.disk),
    ...overview.counters.map(({ name, label, value }) => [`${name.replaceAll('_', ' ')}, ${label}`, value] as const),
  ]);
  return {
    json: overview,
    text: [
      queueTable(overview),
      ...holdsOf(overview),
      providerTable(overview),
      processTable(overview.processes),
      leftovers,
    ].join('\n\n'),
  };
}

const withAge = (count: number, oldestS: number | null) =>
  oldestS === null ? count : `${count} (the oldest for ${duration(oldestS)})`;

const holdsOf = (overview: Holds) => (overview.holds.length > 0 ? [holdTable(overview)] : []);

/** @throws UsageError when it is not said which: everything is stopped or started only by its name. */
function named(word: string | undefined): string {
  if (word !== undefined && ([...PRIORITIES, 'all'] as string[]).includes(word)) return word;
  throw new UsageError(`Say which: critical, medium, low or all${word ? `; "${word}" is none of them` : ''}.`);
}

async function change(api: Api, what: 'pause' | 'resume', priority: string, body: object): Promise<Output> {
  const json = await api.call<Queues>('POST', path`/api/admin/queues/${priority}/${what}`, body);
  return { json, text: queueTable(json) };
}

export const queueCommands: Commands = {
  status: {
    usage: '',
    summary: 'queues, providers, processes, dead letters at a glance',
    example: 'tempost status',
    words: 0,
    help: `late: past its deadline and not handed over. stuck: dispatched more than two minutes ago and still in flight.
no provider: had their turn and found none that takes them; woken as soon as one does.
SILENT: a process that has not said for 12 s that it runs: frozen, cut off from the database, or dead. It is listed for
an hour; one that is stopped in order goes at once.`,
    run: status,
  },
  pause: {
    usage: 'critical|medium|low|all --reason TEXT',
    summary: 'stop sending; everything is accepted and waits, nothing is lost',
    example: "tempost pause low --reason 'wrong template'",
    words: 1,
    options: ['reason'],
    help: `The pause outlasts restarts and the loss of Temporal's data, and the time does
not count against any e-mail's lifetime. A call to a provider that is under way is finished.`,
    run: (api, [word], { reason }) => change(api, 'pause', named(word), { reason: need(reason, '--reason') }),
  },
  resume: {
    usage: 'critical|medium|low|all',
    summary: 'start sending again',
    example: 'tempost resume low',
    words: 1,
    help: 'A pause made in Temporal itself stays until it is lifted there.',
    run: (api, [word]) => change(api, 'resume', named(word), {}),
  },
};
