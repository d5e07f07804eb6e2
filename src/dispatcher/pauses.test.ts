import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import { pause, readQueueControls, resume } from '../domain/queue/pauses.js';
import { applyPauses } from './pauses.js';

let database: TestDatabase;
let temporal: TestNamespace;
let connection: NativeConnection;

beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), createTestNamespace()]);
  connection = await NativeConnection.connect({ address: temporal.address });
});
afterAll(async () => {
  await connection?.close();
  await temporal?.drop();
  await database?.drop();
});

const apply = () =>
  applyPauses({ db: database.db, connection, namespace: temporal.namespace, logger: pino({ level: 'silent' }) });

/** What an operator types. */
async function cli(...command: string[]): Promise<string> {
  const queue = ['--task-queue', 'send-low', '--task-queue-type', 'activity'];
  const where = ['--address', temporal.address, '--namespace', temporal.namespace, '--output', 'json'];
  const { stdout } = await promisify(execFile)(inject('temporalCli'), [
    'task-queue',
    'config',
    ...command,
    ...queue,
    ...where,
  ]);
  return stdout;
}

/** The queue's rate and its reason as the Temporal CLI shows them. */
async function limit(): Promise<{ rate: number | null; reason?: string }> {
  const { queueRateLimit } = JSON.parse((await cli('get')) || '{}');
  const rate = queueRateLimit?.rateLimit ? (queueRateLimit.rateLimit.requestsPerSecond ?? 0) : null;
  return { rate, reason: queueRateLimit?.metadata?.reason };
}

const low = async () => (await readQueueControls(database.db)).find((control) => control.priority === 'low')!;

describe('our own pause', () => {
  it('stops the send queue in Temporal, with a reason that says whose it is, and is lifted by our resume', async () => {
    await pause(database.db, ['low'], 'provider asked us to');
    await apply();
    expect(await limit()).toEqual({ rate: 0, reason: 'tempost: provider asked us to' });
    expect(await low()).toMatchObject({ temporalPausedAt: null });
    await resume(database.db, ['low']);
    await apply();
    expect((await limit()).rate).toBeNull();
  });

  it('is set again when Temporal has lost it', async () => {
    await pause(database.db, ['low'], 'test');
    await apply();
    await cli('set', '--queue-rps-limit', 'default');
    await apply();
    expect((await limit()).rate).toBe(0);
    await resume(database.db, ['low']);
    await apply();
  });

  it('puts back the rate that somebody had set in Temporal before', async () => {
    await cli('set', '--queue-rps-limit', '2.5', '--queue-rps-limit-reason', 'warming up');
    await pause(database.db, ['low'], 'test');
    await apply();
    await apply();
    expect((await limit()).rate).toBe(0);
    await resume(database.db, ['low']);
    await apply();
    expect((await limit()).rate).toBe(2.5);
    await apply();
    expect((await limit()).rate).toBe(2.5);
    await cli('set', '--queue-rps-limit', 'default');
  });
});

describe('a pause made through the Temporal CLI alone', () => {
  it('is noted and never lifted by us, until it is lifted in Temporal', async () => {
    await cli('set', '--queue-rps-limit', '0', '--queue-rps-limit-reason', 'maintenance');
    await apply();
    expect(await low()).toMatchObject({ pausedAt: null, temporalPausedAt: expect.any(Date) });
    expect(await low()).toMatchObject({ temporalReason: 'maintenance' });
    await resume(database.db, ['low']);
    await apply();
    expect(await limit()).toEqual({ rate: 0, reason: 'maintenance' });
    await cli('set', '--queue-rps-limit', 'default');
    await apply();
    expect(await low()).toMatchObject({ temporalPausedAt: null, temporalReason: null });
  });

  it('over one of ours stays when ours is taken back', async () => {
    await pause(database.db, ['low'], 'ours');
    await apply();
    await cli('set', '--queue-rps-limit', '0');
    await apply();
    await resume(database.db, ['low']);
    await apply();
    expect((await limit()).rate).toBe(0);
    expect(await low()).toMatchObject({ pausedAt: null, temporalPausedAt: expect.any(Date) });
    await cli('set', '--queue-rps-limit', 'default');
    await apply();
    expect(await low()).toMatchObject({ temporalPausedAt: null });
  });
});
