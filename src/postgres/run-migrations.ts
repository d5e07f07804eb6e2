import { setTimeout as delay } from 'node:timers/promises';
import { type Migration, Migrator, sql } from 'kysely';
import type { Db } from './database.js';

/** Whoever comes after a migration that waits for a lock waits behind it: so it gives up, and traffic passes. */
const LOCK_TIMEOUT = sql`set local lock_timeout = '1s'`;
/** What traffic's statements may take is too little for one that goes through a table. */
const STATEMENT_TIMEOUT = sql`set local statement_timeout = 0`;
/** `deadlock_detected` and `lock_not_available`: others were at the tables that it wants. */
const IN_THE_WAY = new Set(['40P01', '55P03']);
const AGAIN_AFTER_MS = 500;
const AGAIN_AFTER_AT_MOST_MS = 20_000;
/** A table whose lock cannot be had for so long is held by something that an operator should look at. */
const GIVE_UP_AFTER_MS = 10 * 60_000;

interface Provider {
  getMigrations(): Promise<Record<string, Migration>>;
}

/** For so long traffic has the tables to itself, after so many repetitions: while one is held for long, nearly always. */
export const pauseMs = (repetitions: number) => Math.min(AGAIN_AFTER_MS * 2 ** repetitions, AGAIN_AFTER_AT_MOST_MS);

/**
 * Runs the migrations that the database lacks, each in a transaction of its own, beside traffic: one that traffic is in
 * the way of is undone and repeated.
 *
 * @param onRepeat told the code of what was in the way, before each repetition.
 * @returns the names of the migrations that ran now.
 * @throws whatever the failing migration threw; those before it stay applied.
 */
export async function runMigrations(
  db: Db,
  provider: Provider,
  onRepeat: (code: string) => void = () => {},
): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => patient(await provider.getMigrations()) },
  });
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
  const ran: string[] = [];
  let repetitions = 0;
  for (;;) {
    const { error, results = [] } = await migrator.migrateUp();
    if (!error && results.length === 0) return ran;
    ran.push(...results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName));
    if (!error) {
      repetitions = 0;
      continue;
    }
    const code = (error as { code?: string }).code ?? '';
    if (!IN_THE_WAY.has(code) || Date.now() > giveUpAt) throw error;
    onRepeat(code);
    await delay(pauseMs(repetitions++));
  }
}

const patient = (migrations: Record<string, Migration>) =>
  Object.fromEntries(
    Object.entries(migrations).map(([name, migration]): [string, Migration] => {
      const up: Migration['up'] = async (db) => {
        await LOCK_TIMEOUT.execute(db);
        await STATEMENT_TIMEOUT.execute(db);
        await migration.up(db);
      };
      return [name, { up }];
    }),
  );
