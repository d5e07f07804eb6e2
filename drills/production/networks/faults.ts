import type { DelayLine, Line } from './delay-line.js';
import { Host, type Peer } from './host.js';

/** What happens between two of them. */
export const FAULTS = {
  cut: 'no packet passes',
  mute: 'nothing arrives of what the first says',
  deaf: 'nothing arrives of what the first is told',
  lossy: 'one packet of ten is lost, each way',
  late: '300 ms more, there and back',
  slow: '16 kB/s, each way',
} as const;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

const LOSS = 0.1;
const LINES: Readonly<Record<'late' | 'slow', Line>> = {
  late: { delayS: 0.3, bytesPerS: 0 },
  slow: { delayS: 0, bytesPerS: 16_000 },
};

/**
 * Breaks what two have with one another, and nothing else.
 *
 * @param near the machine where packets are dropped.
 * @param far who else; of whatever is in no namespace only what goes there is held back.
 * @returns what heals.
 */
export function breakBetween(kind: FaultKind, near: Host, far: Peer, delays: DelayLine): () => void {
  switch (kind) {
    case 'cut':
      return near.drop(far, ['in', 'out'], 1);
    case 'mute':
      return near.drop(far, ['out'], 1);
    case 'deaf':
      return near.drop(far, ['in'], 1);
    case 'lossy':
      return near.drop(far, ['in', 'out'], LOSS);
    case 'late':
    case 'slow':
      return holdBack(LINES[kind], near, far, delays);
  }
}

/** A delay is shared by the way there and the way back. */
function holdBack(line: Line, near: Host, far: Peer, delays: DelayLine): () => void {
  if (!(far instanceof Host)) return near.detour(far, delays, line);
  const half = { ...line, delayS: line.delayS / 2 };
  const heals = [near.detour(far, delays, half), far.detour(near, delays, half)];
  return () => {
    for (const heal of heals) heal();
  };
}
