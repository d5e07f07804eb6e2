import { setTimeout as delay } from 'node:timers/promises';
import type { World } from '../../world.js';
import { described, type Episode } from './plan.js';
import { METRICS_PORT, OURS, type Site } from './site.js';
import { halfOpen } from './vitals.js';

const ASK_WITHIN_MS = 4_000;
const LOOK_EVERY_MS = 250;

/** Makes all episodes come and go, and heals whatever happens. */
export async function undergo(world: World, site: Site, plan: readonly Episode[]): Promise<void> {
  const startedAt = Date.now();
  const heals = new Set<() => void>();
  const one = async (episode: Episode) => {
    await delay(startedAt + episode.startS * 1000 - Date.now());
    world.say(`${Math.round(episode.startS)} s: ${described(episode)}`);
    const heal = site.begin(episode);
    heals.add(heal);
    await delay(startedAt + (episode.startS + episode.lengthS) * 1000 - Date.now());
    heals.delete(heal);
    heal();
  };
  try {
    await Promise.all(plan.map(one));
  } finally {
    for (const heal of heals) heal();
  }
}

/** How long something took to be well, by name, in seconds; null: not in time. */
export type Took = ReadonlyMap<string, number | null>;

/** Waits until every process of ours says that it is ready. */
export async function allReady(site: Site, withinS: number): Promise<Took> {
  const took = await Promise.all(
    OURS.map(async (name): Promise<[string, number | null]> => {
      const url = `http://${site.host(name).address}:${METRICS_PORT}/readyz`;
      return [name, await secondsUntil(() => isReady(url), withinS)];
    }),
  );
  return new Map(took);
}

const isReady = (url: string) =>
  fetch(url, { signal: AbortSignal.timeout(ASK_WITHIN_MS), headers: { connection: 'close' } }).then(
    async (answer) => {
      await answer.body?.cancel();
      return answer.ok;
    },
    () => false,
  );

/** Connections come and go while the machines are looked at one after another: only what stays is half open. */
const STAYS_MS = 5_000;

/**
 * Waits until both ends of every connection know of it.
 *
 * @returns after how many seconds, or those that are left.
 */
export async function noHalfOpen(world: World, site: Site, withinS: number): Promise<number | readonly string[]> {
  let sinceMs = new Map<string, number>();
  const startedAt = Date.now();
  const look = () => {
    const now = Date.now();
    sinceMs = new Map(halfOpen(world.stack, site).map((end) => [end, sinceMs.get(end) ?? now]));
    return [...sinceMs].filter(([, since]) => now - since >= STAYS_MS).map(([end]) => end);
  };
  look();
  await delay(STAYS_MS);
  let left = look();
  while (left.length > 0 && Date.now() - startedAt < withinS * 1000) {
    await delay(LOOK_EVERY_MS);
    left = look();
  }
  return left.length > 0 ? left : Math.round((Date.now() - startedAt) / 100) / 10;
}

async function secondsUntil(look: () => Promise<boolean>, withinS: number): Promise<number | null> {
  const startedAt = Date.now();
  for (;;) {
    if (await look()) return Math.round((Date.now() - startedAt) / 100) / 10;
    if (Date.now() - startedAt > withinS * 1000) return null;
    await delay(LOOK_EVERY_MS);
  }
}
