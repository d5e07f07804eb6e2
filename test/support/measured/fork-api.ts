import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Db } from '../../../src/postgres/database.js';
import { createTestDatabase, insertClient, type TestClient } from '../database.js';

/** An api in a process of its own, so that its memory is nobody else's, with a database and a client. */
export interface MeasuredApi {
  readonly process: ChildProcess;
  readonly port: number;
  readonly db: Db;
  readonly client: TestClient;
  /** Ends the process and drops the database. */
  readonly stop: () => Promise<void>;
}

/** @param nodeOptions for its process, beside what it needs to run the sources. */
export async function forkMeasuredApi(...nodeOptions: string[]): Promise<MeasuredApi> {
  const database = await createTestDatabase();
  const client = await insertClient(database.db);
  const child = fork(fileURLToPath(new URL('./measured-api.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx', ...nodeOptions],
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
  });
  const [port] = (await once(child, 'message')) as [number];
  const stop = async () => {
    if (child.connected) {
      child.send('stop');
      await once(child, 'exit');
    }
    await database.drop();
  };
  return { process: child, port, db: database.db, client, stop };
}
