import type { LiveSample } from '../../api/live.js';
import type { Tone } from '../../ui/pill.js';
import { PRIORITIES } from '../../ui/priorities.js';

export type Process = LiveSample['processes'][number];

/** Processes that do the same. */
export interface Fleet {
  readonly name: string;
  readonly processes: readonly Process[];
  /** Those that are heard. */
  readonly heard: readonly Process[];
  /** Calls to providers under way, and how many there may be; undefined: such processes make none. */
  readonly calls?: { readonly used: number; readonly most: number };
  readonly versions: readonly string[];
  readonly tone: Tone;
  readonly state: string;
}

const KINDS = ['api', 'webhooks', 'dispatcher', 'worker'] as const;

/** Workers stand first, as it is they that send. Those that there ought to be are named even when none runs. */
export function fleetsOf(processes: readonly Process[]): readonly Fleet[] {
  const workers = PRIORITIES.map((priority) =>
    fleetOf(
      `worker, ${priority}`,
      processes.filter((each) => each.process === 'worker' && each.priority === priority),
    ),
  );
  const others = KINDS.filter((kind) => kind !== 'worker').map((kind) =>
    fleetOf(
      kind,
      processes.filter((each) => each.process === kind),
    ),
  );
  return [...workers, ...others];
}

function fleetOf(name: string, processes: readonly Process[]): Fleet {
  const heard = processes.filter(({ silent }) => !silent);
  const withSlots = heard.filter(({ slots }) => slots !== null);
  const sum = (of: (process: Process) => number | null) =>
    withSlots.reduce((total, process) => total + (of(process) ?? 0), 0);
  const calls =
    withSlots.length > 0 ? { used: sum(({ slots_used }) => slots_used), most: sum(({ slots }) => slots) } : undefined;
  const versions = [...new Set(processes.map(({ version }) => version))].sort();
  return { name, processes, heard, calls, versions, ...stateOf(processes, heard) };
}

/** What a person has to know of them, the worst first. */
function stateOf(
  processes: readonly Process[],
  heard: readonly Process[],
): { readonly tone: Tone; readonly state: string } {
  const silent = processes.length - heard.length;
  if (processes.length === 0) return { tone: 'bad', state: 'none runs' };
  if (heard.length === 0) return { tone: 'bad', state: 'silent' };
  if (heard.every(({ polling }) => polling === false)) return { tone: 'bad', state: 'not polling' };
  if (silent > 0) return { tone: 'warn', state: `${silent} silent` };
  const idle = heard.filter(({ polling }) => polling === false).length;
  if (idle > 0) return { tone: 'warn', state: `${idle} not polling` };
  return { tone: 'good', state: 'running' };
}
