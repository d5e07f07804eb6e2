import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { patient } from '../test/support/patience.js';
import { Parts } from '../test/support/servers/parts.js';
import { migrateAt, startTestPostgres, type TestPostgres } from '../test/support/servers/postgres.js';
import { startOwnTemporal, type TestTemporal } from '../test/support/servers/temporal-server.js';
import type { Places } from '../test/support/stack/places.js';
import { PROCESS_NAMES, type ProcessName, Stack, type StackOptions } from '../test/support/stack.js';
import { until } from '../test/support/until.js';
import type { Seconds, Surroundings } from './drill.js';
import { mountSmallDisk } from './small-disk.js';
import { openWire, type Wire } from './wire.js';

export interface WorldOptions {
  /** How many e-mails are submitted. */
  readonly emails: number;
  /** Short outages and times, as in CI. */
  readonly quick: boolean;
  /** Outages this many times as long, and the set submitted as many times more slowly: for a busy machine. */
  readonly stretch?: number;
  /** Temporal's CLI. */
  readonly cli: string;
  readonly say: (sentence: string) => void;
}

export const WORKERS = ['worker-critical', 'worker-medium', 'worker-low'] as const;
/** Everything of ours. The sandbox stands for the providers, which go on without us. */
const OURS = PROCESS_NAMES.filter((name) => name !== 'sandbox');

/**
 * Times that let a drill end within minutes. Critical's are the real ones; look-ups that lag 30 s come before medium
 * and low are sent again, as they do within 15 min and 45 min.
 */
const timesOf = (quick: boolean): Record<string, string> => ({
  DEADLINE_MEDIUM_S: quick ? '20' : '75',
  DEADLINE_LOW_S: quick ? '30' : '150',
  AMBIGUOUS_WAIT_LOW_S: quick ? '20' : '75',
  CALL_TIMEOUT_MEDIUM_S: quick ? '6' : '15',
  CALL_TIMEOUT_LOW_S: quick ? '6' : '15',
  BACKOFF_MAX_S: quick ? '3' : '10',
  SWEEP_INTERVAL_S: '1',
  SWEEP_AFTER_S: quick ? '5' : '10',
});

/** What a drill works with: the whole system on servers of its own, every part of which it may break. */
export class World {
  brokenS = 0;
  /** Since when e-mails are those of the drill that runs, in milliseconds since 1970. */
  sinceMs = 0;
  /** Times in which nothing could be handed over, whatever we did, in milliseconds since 1970. */
  readonly cutOff: { readonly fromMs: number; readonly untilMs: number }[] = [];

  private constructor(
    readonly stack: Stack,
    private readonly servers: Servers,
    /** Stand before the primary provider (Mailgun) and the other one (Mandrill). */
    readonly primary: Wire,
    readonly fallback: Wire,
    /** The folder of the small disk, when the drill asked for one. */
    readonly diskFolder: string | undefined,
    readonly options: WorldOptions,
    private readonly parts: Parts,
  ) {}

  /** Begins a drill: what was submitted before is no part of its count. */
  takeUp({ outageS }: { readonly outageS: Seconds }): void {
    this.brokenS = (this.options.quick ? outageS.quick : outageS.full) * (this.options.stretch ?? 1);
    this.sinceMs = Date.now();
  }

  static async start(drill: Surroundings, options: WorldOptions): Promise<World> {
    const parts = new Parts('drill');
    try {
      const disk = drill.disk && parts.own(mountSmallDisk(drill.disk), (mounted) => mounted.remove());
      const servers = await startServers(drill, options, parts, disk?.folder);
      let sandboxPort = 0;
      const primary = parts.own(await openWire(() => sandboxPort), (wire) => wire.close());
      const fallback = parts.own(await openWire(() => sandboxPort), (wire) => wire.close());
      const stackOptions: StackOptions = {
        databaseUrl: servers.databaseUrl,
        temporalAddress: servers.temporalAddress,
        twoOfEach: drill.twoOfEach,
        startBalancer: drill.startBalancer,
        places: servers.places,
        distOf: (name) => (name === 'sandbox' ? undefined : drill.beginsWith?.dist),
        env: {
          ...timesOf(options.quick),
          ...(servers.places ? {} : wired(primary, fallback)),
          ...lifetimesOf(drill, options.quick),
          ...drill.env,
          ...servers.env,
        },
      };
      const stack = await parts.start(
        () => Stack.start(stackOptions),
        (running) => running.stop(),
      );
      sandboxPort = stack.ports.sandbox;
      const world = new World(stack, servers, primary, fallback, disk?.folder, options, parts);
      // A release before this one may tell of its processes in another way, or not at all.
      if (drill.twoOfEach && !drill.beginsWith) await world.everyProcessRuns();
      return world;
    } catch (error) {
      await parts.end();
      throw error;
    }
  }

  /** @throws Error when the drill has brought a database of its own. */
  get postgres(): TestPostgres {
    if (!this.servers.postgres) throw new Error('this drill has brought a database of its own');
    return this.servers.postgres;
  }

  /** @throws Error when the drill has brought a Temporal of its own. */
  get temporal(): TestTemporal {
    if (!this.servers.temporal) throw new Error('this drill has brought a Temporal of its own');
    return this.servers.temporal;
  }

  get databaseUrl(): string {
    return this.servers.databaseUrl;
  }

  /** What the drill's own servers make our processes know. */
  get serversEnv(): Readonly<Record<string, string>> {
    return this.servers.env ?? {};
  }

  get temporalAddress(): string {
    return this.servers.temporalAddress;
  }

  /** Ends everything and leaves nothing behind. May be called twice. */
  async end(): Promise<void> {
    await this.parts.end();
  }

  /** On a busy machine workers take half a minute to start: what breaks before has only one of each to break. */
  private async everyProcessRuns(): Promise<void> {
    await until(
      'two of every process run, and workers ask for tasks',
      async () => {
        const [row] = await this.query<{ running: number }>(
          `select count(*)::int as running from process_heartbeats where process <> 'worker' or polling`,
        );
        return row!.running >= 2 * OURS.length;
      },
      60_000,
    );
  }

  /** Leaves things broken for as long as the drill says. */
  async outage(): Promise<void> {
    await delay(this.brokenS * 1000);
  }

  /** No provider can be reached for a while. */
  async cutOffFor(outage: () => Promise<void>, heal: () => Promise<void>): Promise<void> {
    const fromMs = Date.now();
    await outage();
    await heal();
    this.cutOff.push({ fromMs, untilMs: Date.now() });
  }

  say(sentence: string): void {
    this.options.say(sentence);
  }

  async killAll(names: readonly ProcessName[] = OURS): Promise<void> {
    await Promise.all(names.map((name) => this.stack.kill(name)));
  }

  async startAll(names: readonly ProcessName[] = OURS): Promise<void> {
    await Promise.all(names.map((name) => this.stack.startProcess(name)));
  }

  /** Asks the record, on a connection of its own: the database may have been away in between. */
  async query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl, connectionTimeoutMillis: patient(5_000) });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<T>(text, values)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

const wired = (primary: Wire, fallback: Wire): Readonly<Record<string, string>> => ({
  MAILGUN_API_URL: `http://127.0.0.1:${primary.port}`,
  MANDRILL_API_URL: `http://127.0.0.1:${fallback.port}`,
});

interface Servers {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly places?: Places;
  /** Undefined when the drill has brought its own. */
  readonly postgres?: TestPostgres;
  readonly temporal?: TestTemporal;
}

/** Those that the drill brings, and the world's own in the place of the others. */
async function startServers(
  drill: Surroundings,
  options: WorldOptions,
  parts: Parts,
  folder?: string,
): Promise<Servers> {
  const bring = async () => drill.servers?.((end) => parts.own(null, end), options);
  const brought = (await parts.start(bring, () => {})) ?? {};
  const migrate = drill.beginsWith?.migrate;
  if (brought.databaseUrl) await migrateAt(brought.databaseUrl, migrate);
  const postgres = brought.databaseUrl
    ? undefined
    : await parts.start(
        () => startTestPostgres(folder, migrate),
        (server) => server.drop(),
      );
  const temporal = brought.temporalAddress
    ? undefined
    : await parts.start(
        () => startOwnTemporal(options.cli),
        (server) => server.drop(),
      );
  return {
    databaseUrl: brought.databaseUrl ?? postgres!.url,
    temporalAddress: brought.temporalAddress ?? temporal!.address,
    env: brought.env,
    places: brought.places,
    postgres,
    temporal,
  };
}

function lifetimesOf({ lifetimeS }: Surroundings, isQuick: boolean): Readonly<Record<string, string>> {
  if (!lifetimeS) return {};
  const seconds = String(isQuick ? lifetimeS.quick : lifetimeS.full);
  return { LIFETIME_CRITICAL_S: seconds, LIFETIME_MEDIUM_S: seconds, LIFETIME_LOW_S: seconds };
}
