import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import { ensureBootstrapKey } from './bootstrap-key.js';
import { createKey, type KeyTerms, listKeys, revokeKey, rotateKey } from './key-management.js';
import { findClientByKey, markUsed, readKeyState } from './keys.js';
import { NO_RATES } from './rates.js';

let database: TestDatabase;
let clientId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  clientId = (await insertClient(database.db)).id;
});
afterAll(() => database.drop());

const HOUR_MS = 3_600_000;
const BASE: KeyTerms = {
  name: null,
  role: null,
  scopes: ['send'],
  allowedAddresses: [],
  rates: NO_RATES,
  expiresAt: null,
};
const create = async (terms: Partial<KeyTerms> = {}) => {
  const result = await createKey(database.db, clientId, { ...BASE, ...terms });
  if (result.kind !== 'created') throw new Error(result.kind);
  return result.key;
};
const rotate = (id: string, overlapMs = HOUR_MS, operatorsKeys = true) =>
  rotateKey(database.db, clientId, id, { overlapMs, operatorsKeys });
const expire = (id: string) =>
  database.db.updateTable('api_keys').set({ expires_at: sql<Date>`now()` }).where('id', '=', id).execute();

describe('a key', () => {
  it('opens with what it was given, until it expires', async () => {
    const rates = { send: { rate: 5, burst: 10 }, read: null };
    const made = await create({
      name: 'web',
      scopes: ['read', 'content'],
      rates,
      expiresAt: new Date(Date.now() + HOUR_MS),
    });
    expect(await findClientByKey(database.db, made.key)).toMatchObject({
      id: clientId,
      keyId: made.id,
      keyName: 'web',
      operator: false,
      role: null,
      scopes: ['read', 'content'],
      keyRates: rates,
      rates: NO_RATES,
    });
    expect(await readKeyState(database.db, made.id)).toBe('valid');
    await expire(made.id);
    expect(await findClientByKey(database.db, made.key)).toBeUndefined();
    expect(await readKeyState(database.db, made.id)).toBe('revoked');
  });

  it('of the release before is an administrator’s, or sends, reads and suppresses', async () => {
    const [old, operator] = [await insertClient(database.db), await insertClient(database.db, { operator: true })];
    expect(await findClientByKey(database.db, old.key)).toMatchObject({
      role: null,
      scopes: ['send', 'read', 'suppressions'],
    });
    expect(await findClientByKey(database.db, operator.key)).toMatchObject({
      role: 'admin',
      operator: true,
      scopes: [],
    });
  });

  it('of a viewer is no operator’s for the release before', async () => {
    const { id } = await create({ role: 'viewer', name: 'Ada' });
    const row = await database.db
      .selectFrom('api_keys')
      .select(['operator', 'scopes'])
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row).toEqual({ operator: false, scopes: [] });
  });

  it('is marked as used, and not again within the minute', async () => {
    const { id } = await create();
    const usedAt = async () => (await listKeys(database.db, clientId)).find((key) => key.id === id)!.last_used_at;
    expect(await usedAt()).toBeNull();
    await markUsed(database.db, [id]);
    const first = await usedAt();
    expect(first).not.toBeNull();
    await markUsed(database.db, [id]);
    expect(await usedAt()).toEqual(first);
  });
});

describe('a rotation', () => {
  it('makes a key that may the same, and the old one ends after the overlap', async () => {
    const terms = { name: 'web', scopes: ['read', 'content'] as const, allowedAddresses: ['10.0.0.0/8'] };
    const old = await create(terms);
    const result = await rotate(old.id, 2 * HOUR_MS);
    if (result.kind !== 'rotated') throw new Error(result.kind);
    expect(result.key).toMatchObject({
      name: 'web',
      scopes: ['read', 'content'],
      allowed_addresses: ['10.0.0.0/8'],
      expires_at: null,
    });
    expect(result.old.replaced_by).toBe(result.key.id);
    const hours = (result.old.expires_at!.getTime() - result.key.created_at.getTime()) / HOUR_MS;
    expect(hours).toBeCloseTo(2, 3);
    for (const key of [old.key, result.key.key]) expect(await findClientByKey(database.db, key)).toBeDefined();
    await expire(old.id);
    expect(await findClientByKey(database.db, old.key)).toBeUndefined();
    expect(await findClientByKey(database.db, result.key.key)).toBeDefined();
  });

  it('lets a key that expires live as long again, and never longer than it was to', async () => {
    const old = await create({ expiresAt: new Date(Date.now() + HOUR_MS) });
    const result = await rotate(old.id, 48 * HOUR_MS);
    if (result.kind !== 'rotated') throw new Error(result.kind);
    expect(result.old.expires_at).toEqual(old.expires_at);
    const lives = result.key.expires_at!.getTime() - result.key.created_at.getTime();
    expect(lives / HOUR_MS).toBeCloseTo(1, 3);
  });

  it('happens once, also when it is asked for twice at the same moment', async () => {
    const old = await create();
    const kinds = (await Promise.all([rotate(old.id), rotate(old.id), rotate(old.id)])).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['already_rotated', 'already_rotated', 'rotated']);
  });

  it('is not of a key that has ended, the configuration’s, or nobody’s', async () => {
    const [revoked, expired] = [await create(), await create()];
    await revokeKey(database.db, clientId, revoked.id, { operatorsKeys: true });
    await expire(expired.id);
    expect((await rotate(revoked.id)).kind).toBe('ended');
    expect((await rotate(expired.id)).kind).toBe('ended');
    expect((await rotate(clientId)).kind).toBe('not_found');
    await ensureBootstrapKey(database.db, 'bootstrap', 'a-configured-key-of-some-length');
    const configured = (await findClientByKey(database.db, 'a-configured-key-of-some-length'))!;
    const result = await rotateKey(database.db, configured.id, configured.keyId, { overlapMs: 0, operatorsKeys: true });
    expect(result.kind).toBe('configured');
  });

  it('of an operator’s key is no client’s to do, nor is revoking it', async () => {
    for (const role of ['viewer', 'operator', 'admin'] as const) {
      const { id } = await create({ role, name: role });
      expect((await rotate(id, HOUR_MS, false)).kind).toBe('not_found');
      expect(await revokeKey(database.db, clientId, id, { operatorsKeys: false })).toBe(false);
    }
  });
});

it('lists keys that open before those that do not, however new these are', async () => {
  const { db } = database;
  const other = (await insertClient(db)).id;
  const made = [];
  for (const name of ['older', 'newer']) {
    const result = await createKey(db, other, { ...BASE, name });
    if (result.kind !== 'created') throw new Error(result.kind);
    made.push(result.key.id);
  }
  await revokeKey(db, other, made[1]!, { operatorsKeys: true });
  const ids = (await listKeys(db, other)).map(({ id }) => id);
  expect(ids.indexOf(made[0]!)).toBeLessThan(ids.indexOf(made[1]!));
});
