import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { PerPriority } from '../src/priority.js';
import { Parts } from '../test/support/servers/parts.js';
import { type Attained, readAttainment } from './attainment.js';
import { type Count, countAll } from './count.js';
import { CannotDrill, type Drill } from './drill.js';
import { waitForEnd } from './ending.js';
import { submitSet } from './known-set.js';
import { World, type WorldOptions } from './world.js';

const CRITICAL_S = 15;
/** E-mails come before the break and after the healing, too. */
const BEFORE_MS = 2_000;
const AFTER_MS = { full: 5_000, quick: 2_000 };
/** How long the last evidence may be on its way when everything has ended. */
const LATE_EVIDENCE_MS = 15_000;

export interface DrillResult {
  readonly drill: string;
  readonly at: string;
  readonly emails: number;
  readonly quick: boolean;
  /** Why it was not run. */
  readonly skipped?: string;
  readonly count?: Count;
  /** Service levels by the product's own numbers, and by the clock. */
  readonly attained?: PerPriority<Attained>;
  readonly tookS: number;
  /** Processes that wanted a processor, for each there is, in the last minute: above 1 the times are the machine's. */
  readonly load: number;
  /** Promises that were broken. */
  readonly broken: readonly string[];
}

export type LookAt = (world: World, count: Count) => Promise<void>;

/** See `DrillResult.load`. */
export const loadNow = () => Math.round((loadavg()[0]! / availableParallelism()) * 10) / 10;

/**
 * Runs one drill on a system of its own.
 *
 * @param lookAt looks at the system at the end, while it still runs.
 * @throws Interrupted when everything is being ended.
 */
export async function runDrill(drill: Drill, options: WorldOptions, lookAt?: LookAt): Promise<DrillResult> {
  return timed(drill, options, async () => {
    let world: World | undefined;
    try {
      world = await World.start(drill, options);
      return await runOn(world, drill, lookAt);
    } finally {
      await world?.end();
    }
  });
}

/** Runs a drill on a system that is there, after others of their own names. @returns what it has shown. */
export async function runOn(world: World, drill: Drill, lookAt?: LookAt) {
  world.takeUp(drill);
  const { count, attained, broken } = await through(world, drill);
  await lookAt?.(world, count);
  return { count, attained, broken };
}

async function timed(
  drill: Drill,
  options: WorldOptions,
  run: () => Promise<Pick<DrillResult, 'count' | 'attained' | 'broken'>>,
): Promise<DrillResult> {
  const startedAt = Date.now();
  const about = {
    drill: drill.name,
    at: new Date(startedAt).toISOString(),
    emails: options.emails,
    quick: options.quick,
  };
  const spent = () => ({ tookS: Math.round((Date.now() - startedAt) / 1000), load: loadNow() });
  try {
    const shown = await run();
    Parts.throwIfInterrupted();
    return { ...about, ...shown, ...spent() };
  } catch (error) {
    Parts.throwIfInterrupted();
    if (error instanceof CannotDrill) return { ...about, skipped: error.message, ...spent(), broken: [] };
    return { ...about, ...spent(), broken: [`the drill itself failed: ${(error as Error).stack}`] };
  }
}

async function through(world: World, drill: Drill) {
  const breaking = (async () => {
    await delay(BEFORE_MS);
    await drill.breakAndHeal(world);
  })();
  const overMs = BEFORE_MS + world.brokenS * 1000 + (world.options.quick ? AFTER_MS.quick : AFTER_MS.full);
  const pace = { emails: world.options.emails, overMs, until: drill.mailUntilHealed && breaking };
  const [known] = await Promise.all([submitSet(world.stack, drill, pace), breaking]);
  world.say(`all ${known.length} are accepted; waiting for the end`);
  const open = await waitForEnd(world, drill);
  const count = await countEvidence(world, known);
  // A release from before they were counted knows nothing of what it handed over itself.
  const levels = drill.beginsWith ? { attained: undefined, broken: [] } : await readAttainment(world);
  const broken = [...open, ...judge(drill, count), ...levels.broken, ...((await drill.check?.(world)) ?? [])];
  return { count, attained: levels.attained, broken };
}

/** A duplicate is known once its own evidence has come. */
async function countEvidence(world: World, known: Parameters<typeof countAll>[1]): Promise<Count> {
  const giveUpAt = Date.now() + LATE_EVIDENCE_MS;
  for (;;) {
    const count = await countAll(world, known);
    if (count.duplicates === count.duplicatesKnown || Date.now() > giveUpAt) return count;
    await delay(500);
  }
}

function judge(drill: Drill, count: Count): string[] {
  const { longestOrdinaryCriticalS: critical } = count;
  const late = drill.criticalInTime && critical !== null && critical > CRITICAL_S;
  return [
    ...(count.lost > 0 ? [`${count.lost} lost`] : []),
    ...(count.duplicatesUncounted > 0 ? [`${count.duplicatesUncounted} duplicates not counted`] : []),
    ...(count.duplicates > 0 && !drill.duplicates ? [`${count.duplicates} duplicates in spite of evidence`] : []),
    ...(late ? [`critical took ${critical} s, which is more than ${CRITICAL_S} s`] : []),
    ...count.faults,
  ];
}
