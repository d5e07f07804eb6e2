import type { Count } from '../count.js';
import { CannotDrill, type Drill, type OwnServers, type Surroundings } from '../drill.js';
import { runDrill, runOn } from '../run.js';
import { World } from '../world.js';
import { type Disaster, type DisasterOptions, NO_OUTCOME, type Outcome, type Shared } from './scenario.js';

/** A drill whose notes are told in the table. */
export interface ProductionDrill extends Omit<Drill, 'name' | 'breaks'> {
  /** What was measured beside the count, a sentence each; asked at the end. */
  notes?(): readonly string[];
}

/**
 * A disaster of the whole system under mail: a drill like the others, with two of every process of ours. Each run makes
 * its drill anew, so that it may keep what it measures.
 */
export function onSystem(name: string, how: string, make: () => ProductionDrill): Disaster {
  return {
    name,
    how,
    async run(options) {
      const { notes, ...drill } = make();
      const whole: Drill = { twoOfEach: true, duplicates: 'counted', ...drill, name, breaks: how };
      const result = await runDrill(whole, options, async (world, count) => {
        await options.keepEvidence?.(name, world, count);
      });
      if (result.skipped) throw new CannotDrill(result.skipped);
      if (!result.count) return { ...NO_OUTCOME, broken: result.broken };
      return { ...outcomeOf(result.count), notes: notes?.() ?? [], broken: result.broken };
    },
  };
}

/** A system with two of every process of ours on a cluster of its own, which the disasters of a scenario share. */
export class SharedSystem<Cluster> implements Shared {
  private constructor(
    readonly world: World,
    readonly cluster: Cluster,
  ) {}

  /**
   * @param start starts the cluster; see `Surroundings.servers`.
   * @param serversOf how our processes reach it.
   */
  static async start<Cluster>(
    options: DisasterOptions,
    start: (own: Parameters<NonNullable<Surroundings['servers']>>[0]) => Promise<Cluster>,
    serversOf: (cluster: Cluster) => OwnServers,
  ): Promise<SharedSystem<Cluster>> {
    let cluster: Cluster | undefined;
    const servers: Surroundings['servers'] = async (own) => {
      cluster = await start(own);
      return serversOf(cluster);
    };
    const world = await World.start({ twoOfEach: true, servers }, options);
    return new SharedSystem(world, cluster!);
  }

  /** Runs one disaster on it. @param notes are read at its end. */
  async run(
    drill: Omit<Drill, keyof Surroundings>,
    options: DisasterOptions,
    notes: readonly string[],
  ): Promise<Outcome> {
    const { count, broken } = await runOn(this.world, drill, async (world, counted) => {
      await options.keepEvidence?.(drill.name, world, counted);
    });
    return { ...outcomeOf(count), notes, broken };
  }

  async end(): Promise<void> {
    await this.world.end();
  }
}

/** A count in the terms of the table; what is broken is not judged here. */
export function outcomeOf(count: Count): Outcome {
  return {
    accepted: count.accepted,
    lost: count.lost,
    doubled: count.duplicates,
    counted: count.duplicatesKnown + count.duplicatesPossible,
    withoutAcceptanceS: count.withoutAcceptanceS,
    criticalS: count.longestS.critical,
    criticalOnceBackS: count.longestOrdinaryCriticalS,
    notes: [],
    broken: [],
  };
}
