import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { NAMESPACE } from './configuration.js';

const ASK_EVERY_MS = 300;
const ANSWER_WITHIN_MS = 2_000;
/** gRPC's NOT_FOUND: an answer of who looked. */
const NOT_FOUND = 5;

/** Who has to answer: the process that holds a workflow's shard, or the one that holds a task queue. */
const ASKED = {
  async history(connection: Connection, name: string) {
    const execution = { workflowId: name };
    await connection.workflowService
      .describeWorkflowExecution({ namespace: NAMESPACE, execution })
      .catch((error: { code?: number }) => {
        if (error.code !== NOT_FOUND) throw error;
      });
  },
  async matching(connection: Connection, name: string) {
    await connection.workflowService.describeTaskQueue({ namespace: NAMESPACE, taskQueue: { name }, taskQueueType: 1 });
  },
} as const;
export type Asked = keyof typeof ASKED;

/** One shard or task queue that is asked again and again. */
interface Lane {
  readonly asked: Asked;
  readonly name: string;
  /** When it answered, in milliseconds since 1970. */
  readonly answeredAtMs: number[];
}

/** How many shards and task queues: each is on one of two processes, so that none on the one killed is unlikely. */
const LANES: Readonly<Record<Asked, number>> = { history: 8, matching: 6 };

/** A client that asks for shards and task queues all over the cluster, to tell for how long some cannot be had. */
export class Prober {
  private readonly stopping = new AbortController();
  private readonly asking: Promise<unknown>;

  private constructor(
    private readonly connection: Connection,
    private readonly lanes: readonly Lane[],
  ) {
    setMaxListeners(lanes.length, this.stopping.signal);
    this.asking = Promise.all(lanes.map((lane) => this.ask(lane)));
  }

  /** @param connection is closed by `stop`. */
  static start(connection: Connection): Prober {
    const lanes = (Object.keys(LANES) as Asked[]).flatMap((asked) =>
      Array.from({ length: LANES[asked] }, (_, n) => ({ asked, name: `probe-${asked}-${n}`, answeredAtMs: [] })),
    );
    return new Prober(connection, lanes);
  }

  private async ask({ asked, name, answeredAtMs }: Lane): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const done = await this.connection
        .withDeadline(Date.now() + ANSWER_WITHIN_MS, () => ASKED[asked](this.connection, name))
        .then(
          () => true,
          () => false,
        );
      if (done) answeredAtMs.push(Date.now());
      await delay(ASK_EVERY_MS, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  /** The longest since then that one of them could not be had, in seconds; what has not come back counts until now. */
  longestGapS(asked: Asked, sinceMs: number): number {
    const gaps = this.lanes
      .filter((lane) => lane.asked === asked)
      .map(({ answeredAtMs }) => {
        const times = [sinceMs, ...answeredAtMs.filter((atMs) => atMs >= sinceMs), Date.now()];
        return Math.max(...times.slice(1).map((atMs, n) => atMs - times[n]!));
      });
    return Math.round(Math.max(...gaps) / 100) / 10;
  }

  /** When the last of them answered for the first time since then, in milliseconds since 1970; now, if one has not. */
  allAnsweredAtMs(sinceMs: number): number {
    return Math.max(...this.lanes.map((lane) => lane.answeredAtMs.find((atMs) => atMs >= sinceMs) ?? Date.now()));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.asking;
    await this.connection.close();
  }
}
