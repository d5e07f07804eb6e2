import type { StartBalancer } from '../test/support/stack/pairs.js';
import type { Places } from '../test/support/stack/places.js';
import type { World, WorldOptions } from './world.js';

/** A length of time in seconds: in the whole drill, and in the quick one of CI. */
export interface Seconds {
  readonly full: number;
  readonly quick: number;
}

/** What a drill has its system on. */
export interface Surroundings {
  /** How long every e-mail may take until it is given up; default: as its priority has it. */
  readonly lifetimeS?: Seconds;
  /** More environment for every process of ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where PostgreSQL's data are to be; made and removed by the drill. */
  readonly disk?: SmallDisk;
  /** Two of every process of ours, api and webhooks behind a balancer: how production runs. */
  readonly twoOfEach?: true;
  /** What stands before two of a service; default: a balancer of our own. */
  readonly startBalancer?: StartBalancer;
  /** Another release than this one, with which the system begins, on its schema. The service levels are not compared. */
  readonly beginsWith?: Release;
  /**
   * Starts servers in the place of the world's own. Each is handed to `own` as soon as it is there, with what ends it: so
   * nothing stays behind when the rest fails, or the run is interrupted.
   */
  servers?(own: (end: () => unknown) => void, options: WorldOptions): Promise<OwnServers>;
}

/** A known set of e-mails, something that really breaks while they are submitted, and what is promised all the same. */
export interface Drill extends Surroundings {
  readonly name: string;
  /** One sentence for the list. */
  readonly breaks: string;
  /** How long it stays broken; the e-mails are submitted before, during and after. */
  readonly outageS: Seconds;
  /**
   * Promised: every critical e-mail for an ordinary receiver is with a provider within its 15 s; from the first moment
   * at which a provider can be reached, where the drill notes that none can.
   */
  readonly criticalInTime?: true;
  /** Evidence is missing on purpose: repeats may happen, and each must have been counted. */
  readonly duplicates?: 'counted';
  /** Webhooks are lost on purpose: an e-mail may stay "sent". */
  readonly silence?: true;
  /** Mail comes in until the healing is over, however long it takes: more e-mails than were asked for. */
  readonly mailUntilHealed?: true;
  /** Told each answer to a submission that was no acceptance, before it is repeated. */
  readonly onTrouble?: (trouble: string) => void;
  /** Receivers other than ordinary ones, by the e-mail's number in the set. */
  readonly receiver?: (n: number, emails: number) => string | undefined;
  /** Breaks and heals; runs while the set is being submitted. */
  breakAndHeal(world: World): Promise<void>;
  /** More that has to be true in the end. @returns what is not. */
  check?(world: World): Promise<string[]>;
}

/** A release that was built. */
export interface Release {
  /** As people call it. */
  readonly name: string;
  readonly dist: string;
  /** The script that migrates to its schema. */
  readonly migrate: string;
}

/** Servers that a drill brings itself; those it does not name are the world's. */
export interface OwnServers {
  /** An empty database, which the world migrates. */
  readonly databaseUrl?: string;
  readonly temporalAddress?: string;
  /** What our processes have to know to reach them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where our processes and the sandbox are. Then no wires stand before the providers. */
  readonly places?: Places;
}

export interface SmallDisk {
  readonly sizeMb: number;
}

/** Something this machine or this release cannot do: the drill is skipped, with this reason. */
export class CannotDrill extends Error {
  override readonly name = 'CannotDrill';
}

/** A drill in which the providers misbehave for a while. */
export function faultDrill(drill: Omit<Drill, 'breakAndHeal'> & { readonly faults: object }): Drill {
  const { faults, ...rest } = drill;
  return {
    ...rest,
    async breakAndHeal(world) {
      await world.stack.setFaults(faults);
      await world.outage();
      await world.stack.setFaults({});
    },
  };
}
