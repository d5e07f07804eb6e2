import { useSyncExternalStore } from 'react';
import type { Overview } from '../../../client/generated/schemas.js';
import { call } from './call.js';
import { tellReached } from './reach.js';

/** E-mails of a while that were handed over in time, and those that were not. */
export interface Kept {
  readonly since: string;
  readonly in_time: number;
  readonly missed: number;
}

/** How it stands at one moment, as `/api/admin/stream` tells it. */
export interface LiveSample extends Overview {
  readonly flow: readonly {
    readonly priority: Overview['queues'][number]['priority'];
    readonly handed_over_per_min: number | null;
    readonly accepted_per_min: number | null;
    readonly hour: Kept;
    readonly day: Kept;
  }[];
  readonly calls: readonly {
    readonly provider: string;
    readonly accepted: number;
    readonly refused: number;
    readonly unknown: number;
    readonly median_ms: number | null;
    readonly p95_ms: number | null;
  }[];
}

export interface LiveState {
  /** `trouble`: the api runs and cannot look; `offline`: it cannot be reached. What is shown is the last that was told. */
  readonly state: 'connecting' | 'live' | 'trouble' | 'offline';
  readonly sample: LiveSample | undefined;
}

/** Nothing is told for so long: the line is dead, whatever the browser thinks. */
const SILENCE_MS = 20_000;
const AGAIN_MS = 3_000;

let current: LiveState = { state: 'connecting', sample: undefined };
const listeners = new Set<() => void>();
let source: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

function tell(change: Partial<LiveState>): void {
  current = { ...current, ...change };
  for (const listener of listeners) listener();
}

function expectWord(): void {
  clearTimeout(timer);
  timer = setTimeout(() => fail(), SILENCE_MS);
}

function fail(): void {
  close();
  tell({ state: 'offline' });
  // Tells whether it is the session that is over: then whoever is signed in is asked anew.
  void call('listHolds', {}).catch(() => {});
  timer = setTimeout(open, AGAIN_MS);
}

function open(): void {
  close();
  if (document.hidden || listeners.size === 0) return;
  source = new EventSource('/api/admin/stream');
  source.addEventListener('sample', ({ data }) => {
    expectWord();
    tellReached(true);
    tell({ state: 'live', sample: JSON.parse(data) as LiveSample });
  });
  source.addEventListener('trouble', () => {
    expectWord();
    tell({ state: 'trouble' });
  });
  source.onerror = fail;
  expectWord();
}

function close(): void {
  clearTimeout(timer);
  source?.close();
  source = undefined;
}

/** Nobody looks at a page that is hidden: then nothing is asked for. */
document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
window.addEventListener('tempost:signed-out', () => {
  current = { state: 'connecting', sample: undefined };
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) open();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) close();
  };
}

/** How it stands now, told by the api every two seconds or so. */
export const useLive = (): LiveState => useSyncExternalStore(subscribe, () => current);
