import { readFileSync } from 'node:fs';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { until } from '../../test/support/until.js';
import { listen } from './listener.js';

/** The state of a kernel's timer of a socket that says: the next thing to do is to ask whether the peer is still there. */
const KEEP_ALIVE_TIMER = '02';
const TICKS_PER_S = 100;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

/** In how many seconds the kernel tries whether the peer of a connection is there; undefined: never. */
function keepAliveInS(localPort: number): number | undefined {
  const [row] = readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local]) => local?.endsWith(`:${localPort.toString(16).toUpperCase().padStart(4, '0')}`));
  const [kind, when] = row![5]!.split(':');
  return kind === KEEP_ALIVE_TIMER ? Number.parseInt(when!, 16) / TICKS_PER_S : undefined;
}

async function seenByServer(): Promise<{ readonly client_port: number } | undefined> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ client_port: number }>(
      `select client_port from pg_stat_activity
        where application_name = 'tempost-dispatcher-listen' and datname = current_database() and state = 'idle'`,
    );
    return rows[0];
  } finally {
    await client.end();
  }
}

it.skipIf(process.platform !== 'linux')(
  'a dispatcher that hears nothing asks whether the server is there',
  async () => {
    const listener = listen(database.url, () => {}, pino({ level: 'silent' }));
    try {
      let seen: Awaited<ReturnType<typeof seenByServer>>;
      await until('it listens', async () => {
        seen = await seenByServer();
        return seen !== undefined;
      });
      expect(keepAliveInS(seen!.client_port)).toBeLessThanOrEqual(10);
    } finally {
      await listener.stop();
    }
  },
);
