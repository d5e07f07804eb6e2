import { once } from 'node:events';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import {
  expectNothingStored,
  multipart,
  openConnection,
  requestHead,
  sendForm,
  startTestApi,
  storedRows,
  type TestApi,
  VALID_PARTS,
} from '../../test/support/api.js';
import { createEmptyDatabase, createTestDatabase } from '../../test/support/database.js';
import { apiConfig } from '../../test/support/measured/api-config.js';
import { ensureBootstrapKey } from '../domain/clients/bootstrap-key.js';
import { startApi } from './server.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const configFor = (url: string, bootstrapApiKey?: string) =>
  apiConfig(url, { database: { url, poolSize: 2, asyncReplication: 'refuse' }, bootstrapApiKey });
const silent = pino({ level: 'silent' });

async function start(...parameters: Parameters<typeof startTestApi>): Promise<TestApi> {
  const api = await startTestApi(...parameters);
  ends.push(api.stop);
  return api;
}

describe('the api', () => {
  it('is healthy and ready', async () => {
    const api = await start();
    expect(await (await fetch(`${api.url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${api.url}/readyz`)).json()).toEqual({ status: 'ready' });
  });

  it('is not ready on a database that lacks a migration', async () => {
    const api = await start();
    await api.db.deleteFrom('kysely_migration' as never).execute();
    const response = await fetch(`${api.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'database_not_migrated' });
  });

  it('is not ready on a database of which a newer release took away what this one needs', async () => {
    const api = await start();
    await sql`insert into kysely_migration (name, timestamp) values ('9002-contract', '')`.execute(api.db);
    await sql`insert into schema_contracts values ('9002-contract', '9001-expand', 'nobody reads it')`.execute(api.db);
    const response = await fetch(`${api.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'database_too_new' });
  });

  it('does not start on a database that is not migrated, and says what to do', async () => {
    const empty = await createEmptyDatabase();
    ends.push(empty.drop);
    await expect(startApi(configFor(empty.url), silent)).rejects.toThrow(/npm run migrate/);
  });

  it('does not start without a database', async () => {
    await expect(startApi(configFor('postgres://nobody@127.0.0.1:1/none'), silent)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('knows the bootstrap key from its first start on, started once, twice or at the same time', async () => {
    const database = await createTestDatabase();
    ends.push(database.drop);
    const key = 'a-bootstrap-key-for-tests';
    const apis = await Promise.all([1, 2, 3].map(() => startApi(configFor(database.url, key), silent)));
    ends.push(...apis.map((api) => api.stop));
    for (const { port } of apis) {
      const headers = { Authorization: `Bearer ${key}` };
      const response = await fetch(`http://127.0.0.1:${port}/api/send`, { method: 'POST', headers, body: sendForm() });
      expect(response.status).toBe(200);
    }
    expect(await database.db.selectFrom('clients').select('name').execute()).toEqual([{ name: 'bootstrap' }]);
    const keys = await database.db.selectFrom('api_keys').selectAll().execute();
    expect(keys).toMatchObject([{ prefix: 'a-bootst', revoked_at: null }]);
    expect(JSON.stringify(keys)).not.toContain(key);
  });

  describe('given another bootstrap key than before', () => {
    const [former, next] = ['the-former-bootstrap-key', 'the-next-bootstrap-key'];

    /** An api that is stopped and started with whatever key it is given; and what a key is answered. */
    async function restartable() {
      const database = await createTestDatabase();
      ends.push(database.drop);
      let running: Awaited<ReturnType<typeof startApi>> | undefined;
      ends.push(async () => running?.stop());
      const restart = async (key?: string) => {
        await running?.stop();
        running = await startApi(configFor(database.url, key), silent);
      };
      const call = (key: string, path: string, method = 'GET', body?: object) =>
        fetch(`http://127.0.0.1:${running!.port}${path}`, {
          method,
          headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
          body: body && JSON.stringify(body),
        });
      const statuses = (...keys: string[]) =>
        Promise.all(keys.map(async (key) => (await call(key, '/api/admin/queues')).status));
      return { db: database.db, restart, call, statuses };
    }

    it('ends the former one, and no other key of its client', async () => {
      const { restart, call, statuses } = await restartable();
      await restart(former);
      const { clients } = (await (await call(former, '/api/clients')).json()) as { clients: { id: string }[] };
      const made = await call(former, `/api/clients/${clients[0]!.id}/keys`, 'POST', { operator: true });
      const { key: colleague } = (await made.json()) as { key: string };
      await restart(next);
      expect(await statuses(former, next, colleague)).toEqual([401, 200, 200]);
    });

    it('takes the former one back when it is configured again, and without one ends none', async () => {
      const { restart, statuses } = await restartable();
      await restart(former);
      await restart(next);
      await restart();
      expect(await statuses(former, next)).toEqual([401, 200]);
      await restart(former);
      expect(await statuses(former, next)).toEqual([200, 401]);
    });

    it('leaves one revoked that was revoked by hand, and the one that opens as it is', async () => {
      const { restart, call, statuses } = await restartable();
      await restart(former);
      const { clients } = (await (await call(former, '/api/clients')).json()) as { clients: { id: string }[] };
      const path = `/api/clients/${clients[0]!.id}/keys`;
      const { keys } = (await (await call(former, path)).json()) as { keys: { id: string }[] };
      await restart(next);
      // By hand, after the configuration has ended it already.
      expect((await call(next, `${path}/${keys[0]!.id}`, 'DELETE')).status).toBe(204);
      await restart(former);
      expect(await statuses(former, next)).toEqual([401, 200]);
    });

    it('agrees on one when many start at the same time', async () => {
      const { db } = await restartable();
      const names = ['one', 'two', 'three'].map((name) => `bootstrap-key-number-${name}`);
      await Promise.all(names.map((key) => ensureBootstrapKey(db, 'bootstrap', key)));
      const open = await db.selectFrom('api_keys').select('id').where('revoked_at', 'is', null).execute();
      expect(open).toHaveLength(1);
    });
  });

  it('answers 404 and 405 as problems', async () => {
    const api = await start();
    const unknown = await fetch(`${api.url}/nowhere`);
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get('content-type')).toBe('application/problem+json');
    expect(await unknown.json()).toMatchObject({ code: 'not_found', status: 404, errors: [] });
    const wrong = await fetch(`${api.url}/api/send`);
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('POST');
    expect(await wrong.json()).toMatchObject({ code: 'method_not_allowed' });
  });

  it('answers what is not HTTP with a problem', async () => {
    const api = await start();
    const { socket, answer } = await openConnection(api.port);
    socket.write('MAIL FROM:<a@example.com>\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 400 .*application\/problem\+json.*"code":"malformed_request"/s);
  });

  it('answers 503 while the database refuses it, keeps showing pixels, and recovers by itself', async () => {
    const api = await start();
    const name = new URL(api.databaseUrl).pathname.slice(1);
    // Through another database: this one is about to refuse us as well.
    const admin = await createTestDatabase();
    ends.push(admin.drop);
    const allow = (yes: boolean) =>
      sql`alter database ${sql.id(name)} with allow_connections ${sql.raw(String(yes))}`.execute(admin.db);
    await allow(false);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.execute(admin.db);
    try {
      for (const form of [sendForm(), sendForm({}, new Blob(['x'.repeat(600_000)]))]) {
        const response = await api.send(form, { 'Idempotency-Key': 'k' });
        expect(response.status).toBe(503);
        expect(response.headers.get('retry-after')).toBe('5');
        expect(await response.json()).toMatchObject({ code: 'database_unavailable', errors: [] });
      }
      expect((await fetch(`${api.url}/readyz`)).status).toBe(503);
      expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
      const pixel = await fetch(`${api.url}/api/email/019a0000-0000-7000-8000-000000000000/open`);
      expect(pixel.status).toBe(200);
    } finally {
      await allow(true);
    }
    expect((await api.send(sendForm(), { 'Idempotency-Key': 'k' })).status).toBe(200);
    expect(await storedRows(api.db)).toMatchObject({ emails: 1, idempotency_keys: 1 });
  });

  it('answers 503 and stores nothing when the accepting transaction fails', async () => {
    const api = await start();
    await sql`create function refuse() returns trigger language plpgsql as
      $$begin raise exception using errcode = '53100', message = 'disk full'; end$$`.execute(api.db);
    await sql`create trigger refuse before insert on email_queue for each row execute function refuse()`.execute(
      api.db,
    );
    const response = await api.send(sendForm(), { 'Idempotency-Key': 'k' });
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('disk full');
    await expectNothingStored(api.db);
  });

  it('stops in order: a request under way is answered, new ones are not taken', async () => {
    const database = await createTestDatabase();
    ends.push(database.drop);
    const key = 'a-bootstrap-key-for-tests';
    const running = await startApi(configFor(database.url, key), silent);
    const api = { port: running.port, client: { id: '', key } } as TestApi;
    const body = multipart(VALID_PARTS);
    const { socket, answer } = await openConnection(running.port);
    socket.write(requestHead(api, body.length));
    socket.write(body.subarray(0, 50));
    // A second request that is answered proves that the first has been taken in.
    await (await fetch(`http://127.0.0.1:${running.port}/healthz`)).text();
    const stopped = running.stop();
    await expect.poll(() => fetch(`http://127.0.0.1:${running.port}/healthz`).catch(() => 'refused')).toBe('refused');
    socket.write(body.subarray(50));
    await once(socket, 'data');
    expect(await answer).toMatch(/^HTTP\/1.1 200 /);
    await stopped;
    expect((await storedRows(database.db)).emails).toBe(1);
  });
});
