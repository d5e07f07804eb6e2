import { sql } from 'kysely';
import { type PerPriority, perPriority } from '../priority.js';
import type { Db } from './database.js';

/** What may be set for a client, with what it has submitted today (UTC). */
export interface ClientSettings {
  readonly id: string;
  readonly name: string;
  /** Whether its senders are told of failures by e-mail. */
  readonly failure_notices: boolean;
  readonly daily_limits: PerPriority<number>;
  readonly submitted_today: PerPriority<number>;
}

export interface SettingsChange {
  readonly failure_notices?: boolean;
  readonly daily_limits?: Partial<PerPriority<number>>;
}

/** @returns undefined when there is no such client. */
export async function readClientSettings(db: Db, clientId: string): Promise<ClientSettings | undefined> {
  const client = await db.selectFrom('clients').selectAll().where('id', '=', clientId).executeTakeFirst();
  if (!client) return undefined;
  const used = await db
    .selectFrom('client_usage')
    .select(['priority', 'accepted'])
    .where('client_id', '=', clientId)
    .where('day', '=', sql<string>`(now() at time zone 'UTC')::date`)
    .execute();
  return {
    id: client.id,
    name: client.name,
    failure_notices: client.failure_notices,
    daily_limits: perPriority((priority) => client[`daily_limit_${priority}`]),
    submitted_today: perPriority((priority) => used.find((row) => row.priority === priority)?.accepted ?? 0),
  };
}

/** Changes what is given, and nothing else. */
export async function changeClientSettings(db: Db, clientId: string, change: SettingsChange): Promise<void> {
  const { critical, medium, low } = change.daily_limits ?? {};
  await db
    .updateTable('clients')
    .set({
      failure_notices: sql<boolean>`coalesce(${change.failure_notices ?? null}::boolean, failure_notices)`,
      daily_limit_critical: sql<number>`coalesce(${critical ?? null}::int, daily_limit_critical)`,
      daily_limit_medium: sql<number>`coalesce(${medium ?? null}::int, daily_limit_medium)`,
      daily_limit_low: sql<number>`coalesce(${low ?? null}::int, daily_limit_low)`,
    })
    .where('id', '=', clientId)
    .execute();
}
