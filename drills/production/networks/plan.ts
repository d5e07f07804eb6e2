import { PRIORITIES } from '../../../src/priority.js';
import { type ProcessName, second } from '../../../test/support/stack.js';
import type { Dice } from '../../dice.js';
import { FAULT_KINDS, type FaultKind } from './faults.js';

/** So many things are broken at a time. */
const LANES = 3;
/** How long each is, and the pause after it, in seconds. */
const LENGTH_S = { min: 5, max: 40 };
const PAUSE_S = { min: 1, max: 4 };

const ROLES = ['worker', 'dispatcher', 'api', 'webhooks'] as const;
type Role = (typeof ROLES)[number];
/** Servers, and `outside`: clients, and providers that call webhooks, come from there. */
export type Far = 'postgres' | 'temporal' | 'sandbox' | 'outside';

/** Every two that talk to one another. The sandbox stands for the providers. */
const PAIRS: readonly (readonly [Role, Far])[] = [
  ...ROLES.flatMap((role) => [[role, 'postgres'] as const, [role, 'temporal'] as const]),
  ['worker', 'sandbox'],
  ['api', 'outside'],
  ['webhooks', 'outside'],
];
const CABLES: readonly (Role | Exclude<Far, 'outside'>)[] = [...ROLES, 'postgres', 'temporal', 'sandbox'];

/** One thing that goes wrong for a while. */
export interface Episode {
  readonly startS: number;
  readonly lengthS: number;
  /** Processes and servers whose machines are concerned; nothing else happens at them meanwhile. */
  readonly hosts: readonly string[];
  /** Between each of them and whom; none: their cables are pulled. */
  readonly fault?: { readonly kind: FaultKind; readonly far: Far };
}

type Act = readonly [of: (typeof CABLES)[number], fault?: Episode['fault']];

/**
 * What goes wrong, and when. Each pair meets each kind of fault, and each machine has its cable pulled, before anything
 * comes again, as far as the time allows.
 *
 * @param lengthS nothing lasts longer than that.
 */
export function planOf(dice: Dice, lengthS: number): Episode[] {
  const acts: readonly Act[] = [
    ...PAIRS.flatMap(([near, far]) => FAULT_KINDS.map((kind): Act => [near, { kind, far }])),
    ...CABLES.map((of): Act => [of]),
  ];
  const episodes: Episode[] = [];
  const freeAtS = Array.from({ length: LANES }, () => 0);
  let left = dice.shuffled(acts);
  for (;;) {
    const startS = Math.min(...freeAtS);
    const endS = startS + dice.between(LENGTH_S.min, LENGTH_S.max);
    if (endS > lengthS) return episodes;
    const [of, fault] = left[0]!;
    left = left.length > 1 ? left.slice(1) : dice.shuffled(acts);
    const hosts = hostsOf(of, dice);
    freeAtS[freeAtS.indexOf(startS)] = endS + dice.between(PAUSE_S.min, PAUSE_S.max);
    const isTaken = episodes.some(
      (other) => other.startS + other.lengthS > startS && other.hosts.some((host) => hosts.includes(host)),
    );
    // It comes later in its place.
    if (isTaken) left = [...left, [of, fault]];
    else episodes.push({ startS, lengthS: endS - startS, hosts, fault });
  }
}

/** One of two copies or both; of servers there is one. */
function hostsOf(of: Act[0], dice: Dice): string[] {
  if (of === 'postgres' || of === 'temporal' || of === 'sandbox') return [of];
  const name: ProcessName = of === 'worker' ? `worker-${dice.pick(PRIORITIES)}` : of;
  return dice.pick([[name], [second(name)], [name, second(name)]]);
}

/** An episode for people. */
export function described({ hosts, fault, lengthS }: Episode): string {
  const who = hosts.join(' and ');
  const what = fault ? `${who} and ${fault.far}: ${fault.kind}` : `${who}: unplugged`;
  return `${what}, ${Math.round(lengthS)} s`;
}
