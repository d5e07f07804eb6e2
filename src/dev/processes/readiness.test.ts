import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestNamespace, type TestNamespace } from '../../../test/support/temporal.js';
import { sendQueueOf, workflowQueueOf } from '../../temporal/names.js';
import { allReady, type Probe, workerProbe } from './readiness.js';

const BUNDLE = fileURLToPath(new URL('../../../dist/workflow-bundle.js', import.meta.url));

/** A probe that is content after so many looks. */
function contentAfter(name: string, looks: number): Probe & { readonly looks: () => number } {
  let looked = 0;
  return { name, looks: () => looked, isReady: async () => ++looked > looks };
}

describe('waiting until everything is ready', () => {
  const quiet = { signal: new AbortController().signal, everyMs: 60_000, onWaiting: () => {} };

  it('waits for the last one, and does not ask again who was content', async () => {
    const [early, late] = [contentAfter('early', 0), contentAfter('late', 3)];
    await allReady([early, late], quiet);
    expect([early.looks(), late.looks()]).toEqual([1, 4]);
  });

  it('takes a look that fails for "not yet"', async () => {
    let looks = 0;
    const isReady = async () => {
      if (++looks < 3) throw new Error('connection refused');
      return true;
    };
    await allReady([{ name: 'api', isReady }], quiet);
    expect(looks).toBe(3);
  });

  it('says again and again which ones are missing, and only those', async () => {
    const said: string[][] = [];
    let ready = false;
    const stubborn = { name: 'worker-low', isReady: async () => ready };
    const onWaiting = (names: string[]) => {
      said.push(names);
      ready = said.length === 2;
    };
    await allReady([contentAfter('api', 0), stubborn], { ...quiet, everyMs: 1, onWaiting });
    expect(said).toEqual([['worker-low'], ['worker-low']]);
  });

  it('gives up when the user wants an end', async () => {
    const stopping = new AbortController();
    const isReady = async () => {
      stopping.abort();
      return false;
    };
    const waiting = allReady([{ name: 'api', isReady }], { ...quiet, signal: stopping.signal });
    await expect(waiting).rejects.toThrow('aborted');
  });
});

describe('a worker', () => {
  let temporal: TestNamespace;
  let connection: NativeConnection;
  const running: { readonly worker: Worker; readonly ended: Promise<void> }[] = [];
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    temporal = await createTestNamespace();
    connection = await NativeConnection.connect({ address: temporal.address });
  });
  afterEach(async () => {
    const all = running.splice(0);
    for (const { worker } of all) worker.shutdown();
    await Promise.all(all.map(({ ended }) => ended));
  });
  afterAll(async () => {
    await connection.close();
    await temporal.drop();
  });

  const probeOf = (pid: number | undefined) =>
    workerProbe(temporal.client.connection as never, temporal.namespace, 'low', () => pid);
  async function poll(pid: number, queue: 'workflows' | 'sends', priority: 'low' | 'medium' = 'low') {
    const common = { connection, namespace: temporal.namespace, identity: `${pid}@here` };
    const activities = { send: async () => {} };
    const worker = await Worker.create(
      queue === 'sends'
        ? { ...common, taskQueue: sendQueueOf(priority), activities }
        : {
            ...common,
            taskQueue: workflowQueueOf(priority),
            workflowBundle: { codePath: BUNDLE },
          },
    );
    running.push({ worker, ended: worker.run() });
  }

  it('is ready when it asks both for workflows and for sends of its priority, and not before', async () => {
    const probe = probeOf(41);
    expect(await probe.isReady()).toBe(false);
    await poll(41, 'sends');
    await expect.poll(() => sees('sends', 41)).toBe(true);
    expect(await probe.isReady()).toBe(false);
    await poll(41, 'workflows');
    await expect.poll(() => probe.isReady()).toBe(true);
  });

  it('is not taken for another one: not for the one that it replaced, nor for one that has no process', async () => {
    await poll(42, 'sends');
    await poll(42, 'workflows');
    await expect.poll(() => probeOf(42).isReady()).toBe(true);
    for (const pid of [4, 421, undefined]) expect(await probeOf(pid).isReady()).toBe(false);
  });

  /** Temporal's own list, read without our probe. */
  async function sees(queue: 'workflows' | 'sends', pid: number) {
    const [name, taskQueueType] = queue === 'sends' ? [sendQueueOf('low'), 2] : [workflowQueueOf('low'), 1];
    const { namespace } = temporal;
    const { workflowService } = temporal.client.connection as never as NativeConnection;
    const { pollers } = await workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
    return pollers.some(({ identity }) => identity === `${pid}@here`);
  }
});
