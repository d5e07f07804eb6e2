import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../src/activities/types.js';
import { createSignsOfLife } from '../src/api/signs-of-life.js';
import { keepBuilds } from '../src/dispatcher/keep-builds.js';
import { applyPauses } from '../src/dispatcher/pauses.js';
import { startWorkflow } from '../src/dispatcher/start.js';
import { listBuilds } from '../src/domain/fleets/builds.js';
import { heartbeatRow } from '../src/domain/fleets/heartbeats.js';
import { promote, ramp, retire, rollBack, unset } from '../src/domain/fleets/routing.js';
import { pause, resume } from '../src/domain/queue/pauses.js';
import { beginRecovery } from '../src/domain/recovery/recoveries.js';
import { PRIORITIES } from '../src/priority.js';
import { buildOf, readRouting } from '../src/temporal/builds.js';
import type { TemporalLink } from '../src/temporal/connection.js';
import { sendQueueOf, workflowIdOf, workflowQueueOf } from '../src/temporal/names.js';
import { workerBuild } from '../src/temporal/worker-build.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { patient } from './support/patience.js';
import { createTestNamespace, type TestNamespace } from './support/temporal.js';
import { until } from './support/until.js';

const BUNDLE = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));

/** Handed over, and then it waits to be heard of, which is when upgrades meet most e-mails. */
const PLAN: Plan = {
  generation: 1,
  stage: 'hand_over',
  status: 'queued',
  uploadPending: false,
  hasAttachment: false,
  providers: ['mailgun'],
  admitting: ['mailgun'],
  backoff: { initialMs: 1, maxMs: 4 },
  deliveryTimeoutMs: 600_000,
  openWindowMs: 600_000,
};
const POLLS = { polling: true, slotsUsed: 0, slots: 1, lastTaskMsAgo: null };

let database: TestDatabase;
let temporal: TestNamespace;
let connection: NativeConnection;
const sent: string[] = [];
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  database = await createTestDatabase();
  temporal = await createTestNamespace();
  connection = await NativeConnection.connect({ address: temporal.address });
});
afterAll(async () => {
  for (const stop of stops.splice(0)) await stop();
  await connection?.close();
  await temporal?.drop();
  await database?.drop();
});

const link = (at = temporal) => ({ connection, client: at.client }) as unknown as TemporalLink;
const said: unknown[] = [];
const logger = pino({ hooks: { logMethod: ([, text]) => void said.push(text) } });
/** One turn of the dispatcher's loop. */
async function look(at = temporal): Promise<void> {
  const turn = () => keepBuilds({ db: database.db, temporal: link(at), namespace: at.namespace, logger });
  // The loop, too, goes on after Temporal was slow.
  const isSlow = (error: Error) => error.message !== 'Timeout expired' && Promise.reject(error);
  await until('Temporal answers', () => turn().then(() => true, isSlow));
}

/** What low's workers of a build are, and how they stand in the record; the other fleets of it only say that they run. */
async function startBuild(id: string | undefined, at = temporal): Promise<() => Promise<void>> {
  const common = { ...workerBuild({ workerBuildId: id }, 'PINNED'), connection, namespace: at.namespace };
  const workflows = await Worker.create({
    ...common,
    taskQueue: workflowQueueOf('low'),
    workflowBundle: { codePath: BUNDLE },
    stickyQueueScheduleToStartTimeout: '1s',
    activities: { persist: async () => PLAN },
  });
  const send = async () => {
    sent.push(id ?? 'none');
    return { kind: 'accepted', provider: 'mailgun' };
  };
  const sends = await Worker.create({ ...common, taskQueue: sendQueueOf('low'), activities: { send } });
  const running = [workflows.run(), sends.run()];
  const rows = PRIORITIES.map((priority) =>
    heartbeatRow(database.db, { process: 'worker', priority, version: '1', buildId: id }),
  );
  const beat = () => Promise.all(rows.map((row) => row.beat(POLLS)));
  await beat();
  const beating = setInterval(() => void beat().catch(() => {}), 2_000);
  const stop = async () => {
    clearInterval(beating);
    for (const worker of [workflows, sends]) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.all(running);
    await Promise.all(rows.map((row) => row.goodbye()));
  };
  stops.push(stop);
  return stop;
}

/** As it stands after a look. */
async function buildNow(id: string | null) {
  await look();
  return (await listBuilds(database.db)).find(({ build_id }) => build_id === id);
}

async function begin(emailId = randomUUID(), generation = 1) {
  await startWorkflow(temporal.client, 'low', { emailId, clientId: randomUUID(), generation });
  return { emailId, handle: temporal.client.workflow.getHandle(workflowIdOf(emailId)) };
}
const isKnown = (build: string) =>
  until(`Temporal knows ${build}`, async () =>
    ((await readRouting(link(), temporal.namespace))?.builds ?? []).includes(build),
  );
const isOn = (build: string, { emailId }: { readonly emailId: string }) =>
  until(`it is on ${build}`, async () => (await buildOf(link(), workflowIdOf(emailId))) === build);
const hear = async ({ handle }: Awaited<ReturnType<typeof begin>>) => {
  await handle.signal('providerEvent', 'opened');
  return handle.result();
};

describe('builds of the workers', { timeout: patient(120_000) }, () => {
  it('are none until a worker has one: Temporal is not even asked', async () => {
    const nobody = undefined as unknown as TemporalLink;
    expect(await keepBuilds({ db: database.db, temporal: nobody, namespace: 'none', logger })).toBe(false);
    expect(await listBuilds(database.db)).toEqual([]);
  });

  it('keep what begins on them, are ramped, promoted, rolled back, missed, retired and left again', async () => {
    const stopNone = await startBuild(undefined);
    const before = await begin();
    await until('it was sent', async () => sent.length === 1);

    // Builds are begun with: what runs without one goes on with the first that is promoted.
    const stopOld = await startBuild('old');
    await until('Temporal knows it', async () => (await readRouting(link(), temporal.namespace)) !== null);
    expect(await buildNow('old')).toMatchObject({ share: 0, missing: [], may_end: true });
    expect(await buildNow(null)).toMatchObject({ share: 100, missing: [], may_end: false });
    expect(await promote(database.db, 'old', 'the first')).toBe('done');
    expect(await buildNow('old')).toMatchObject({ share: 100, may_end: false });
    expect(await buildNow(null)).toMatchObject({ share: 0, may_end: true });
    await stopNone();
    expect(await hear(before)).toBe('opened');
    const first = await begin();
    await isOn('old', first);
    await until('it was sent', async () => sent.length === 2 && sent.at(-1) === 'old');
    await until('it is counted', async () => (await buildNow('old'))?.pinned.low === 1);

    const stopNew = await startBuild('new');
    await isKnown('new');
    expect(await ramp(database.db, 'new', 10, 'carefully')).toBe('done');
    expect([(await buildNow('old'))?.share, (await buildNow('new'))?.share]).toEqual([90, 10]);
    expect(await rollBack(database.db, 'slow')).toBe('done');
    expect([(await buildNow('old'))?.share, (await buildNow('new'))?.share]).toEqual([100, 0]);
    expect(await promote(database.db, 'new', 'well')).toBe('done');
    expect([(await buildNow('old'))?.share, (await buildNow('new'))?.share]).toEqual([0, 100]);

    // A pause holds for every build.
    await pause(database.db, ['low'], 'test');
    const pauses = () => applyPauses({ db: database.db, connection, namespace: temporal.namespace, logger });
    await until('it is paused in Temporal', () =>
      pauses().then(
        () => true,
        () => false,
      ),
    );
    const calls = sent.length;
    const second = await begin();
    await isOn('new', second);
    await until('it has come to the call', async () => (await second.handle.query('status')) === 'handing over');
    expect((await second.handle.describe()).raw.pendingActivities?.map(({ state }) => state)).toEqual([1]);
    expect(sent).toHaveLength(calls);
    await resume(database.db, ['low']);
    await until('it goes on in Temporal', () =>
      pauses().then(
        () => true,
        () => false,
      ),
    );
    await until('it was sent by its own build', async () => sent.length === calls + 1 && sent.at(-1) === 'new');

    // The old build's workers are ended too early: what stays there waits, which is seen, and why is said.
    await stopOld();
    await until('it is missed', async () => (await buildNow('old'))?.stuck === 1);
    expect(await buildNow('old')).toMatchObject({ missing: ['low'], may_end: false });
    const lazy = { link: async () => link(), close: async () => {} };
    const signs = createSignsOfLife(database.db, lazy, temporal.namespace);
    expect(await signs.missedBuildOf(first.emailId, 'low')).toEqual({ build: 'old', begins: false });
    expect(await signs.missedBuildOf(second.emailId, 'low')).toBeNull();
    await first.handle.signal('providerEvent', 'delivered');
    expect(await promote(database.db, 'old', 'gone')).toEqual({ without: [...PRIORITIES] });

    // Started again, as a retry is, it begins on the current build; retired, what is left goes on there.
    const third = await begin(first.emailId, 2);
    await isOn('new', third);
    await until('it was sent', async () => sent.length === calls + 2 && sent.at(-1) === 'new');
    await third.handle.terminate();
    const restarted = await startBuild('old');
    expect(await rollBack(database.db, 'try')).toBe('done');
    await look();
    const fourth = await begin();
    await isOn('old', fourth);
    await until('it was sent', async () => sent.length === calls + 3 && sent.at(-1) === 'old');
    expect(await retire(database.db, 'old')).toBe('current');
    expect(await promote(database.db, 'new', 'again')).toBe('done');
    await restarted();
    expect(await retire(database.db, 'old')).toBe('done');
    await until('it is moved', async () => (await buildNow('old'))?.may_end === true);
    expect(await buildNow('old')).toMatchObject({ retired: true, stuck: 0 });
    await isOn('new', fourth);
    expect(await hear(fourth)).toBe('opened');

    // What begins where nobody works waits, and is told as well.
    await stopNew();
    expect(await buildNow('new')).toMatchObject({ missing: [...PRIORITIES] });
    const fifth = await begin();
    expect(await signs.missedBuildOf(fifth.emailId, 'low')).toEqual({ build: 'new', begins: true });
    const stopLast = await startBuild(undefined);
    expect(await unset(database.db, 'without builds')).toBe('done');
    await look();
    expect(await hear(fifth)).toBe('opened');
    expect(await retire(database.db, 'new')).toBe('done');
    await until('it is moved', async () => (await buildNow('new'))?.may_end === true);
    expect(await hear(second)).toBe('opened');
    expect(await signs.missedBuildOf(fifth.emailId, 'low')).toBeNull();
    await stopLast();
    expect(sent).toEqual(['none', 'old', 'new', 'new', 'old', 'none']);
  });

  it('are routed to only with workers, by nobody else, and not while a recovery is open', async () => {
    const stopHealthy = await startBuild('healthy');
    const stopBroken = await startBuild('broken');
    for (const build of ['healthy', 'broken']) await isKnown(build);
    const shares = async () => [(await buildNow('healthy'))?.share, (await buildNow('broken'))?.share];
    expect(await promote(database.db, 'healthy', 'test')).toBe('done');
    expect(await shares()).toEqual([100, 0]);

    // No float32 is 33.3: it agrees with Temporal's, and is set once.
    expect(await ramp(database.db, 'broken', 33.3, 'test')).toBe('done');
    expect(await shares()).toEqual([66.7, 33.3]);
    said.length = 0;
    expect(await shares()).toEqual([66.7, 33.3]);
    expect(said).toEqual([]);

    // A ramp without workers is withheld: it would fill the places in flight.
    await stopBroken();
    expect(await shares()).toEqual([100, 0]);
    expect(await promote(database.db, 'broken', 'test')).toEqual({ without: [...PRIORITIES] });
    const stopAgain = await startBuild('broken');
    expect(await shares()).toEqual([66.7, 33.3]);
    expect(await rollBack(database.db, 'test')).toBe('done');
    expect(await shares()).toEqual([100, 0]);

    // A ramp to workers without a build is an operator's of Temporal: seen, and set back.
    await connection.workflowService.setWorkerDeploymentRampingVersion({
      namespace: temporal.namespace,
      deploymentName: 'tempost',
      buildId: '',
      percentage: 20,
      identity: 'somebody',
      ignoreMissingTaskQueues: true,
    });
    expect(await readRouting(link(), temporal.namespace)).toMatchObject({ ramping: { build_id: '', percent: 20 } });
    await look();
    expect(await readRouting(link(), temporal.namespace)).toMatchObject({ current: 'healthy', ramping: null });

    // After a restore the record wants what was current then: nothing is set meanwhile, nor where nobody works later.
    expect(await promote(database.db, 'broken', 'test')).toBe('done');
    await beginRecovery(database.db, { source: 'cli' }, null);
    expect(await shares()).toEqual([100, 0]);
    await sql`update recoveries set finished_at = now()`.execute(database.db);
    await stopAgain();
    expect(await shares()).toEqual([100, 0]);
    expect(said).toContain('e-mails do not begin where operators want: a build of theirs has no worker of a priority');
    await stopHealthy();
  });

  it('are routed to again after Temporal has lost its data', async () => {
    const stop = await startBuild('newest');
    await isKnown('newest');
    expect(await promote(database.db, 'newest', 'again')).toBe('done');
    expect(await buildNow('newest')).toMatchObject({ share: 100 });
    const empty = await createTestNamespace();
    await look(empty);
    expect(await readRouting(link(empty), empty.namespace)).toBeNull();
    expect((await listBuilds(database.db)).find(({ build_id }) => build_id === 'newest')).toMatchObject({ share: 0 });
    const there = await startBuild('newest', empty);
    await until('it is current there too', async () => {
      await look(empty);
      return (await readRouting(link(empty), empty.namespace))?.current === 'newest';
    });
    await there();
    await stop();
    await empty.drop();
  });
});
