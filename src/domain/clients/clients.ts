import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { TODAY } from '../../postgres/today.js';
import { type PerPriority, perPriority } from '../../priority.js';
import { columnsOf, DEFAULT_RATES, type Rates, ratesOf } from './rates.js';

/** A client as lists show it. */
export interface ListedClient {
  readonly id: string;
  readonly name: string;
  /** It may not submit, nor anything else; what was accepted of it before is sent all the same. */
  readonly disabled: boolean;
  readonly created_at: Date;
}

/** What may be set for a client, with what it has submitted today (UTC). */
interface ClientSettings extends ListedClient {
  /** Whether its senders are told of failures by e-mail. */
  readonly failure_notices: boolean;
  /** Whether opens of its e-mails are tracked, where an e-mail does not say. */
  readonly track_opens: boolean;
  readonly daily_limits: PerPriority<number>;
  readonly submitted_today: PerPriority<number>;
  /** Requests a second, over all api processes; null: no limit. */
  readonly rate_limits: Rates;
  readonly retention: OwnRetention;
}

/** For how many days its contents, and its records, are kept. Null: as configured; 0: for good. */
interface OwnRetention {
  readonly content_days: number | null;
  readonly record_days: number | null;
}

interface SettingsChange {
  readonly disabled?: boolean;
  readonly failure_notices?: boolean;
  readonly track_opens?: boolean;
  readonly daily_limits?: Partial<PerPriority<number>>;
  readonly rate_limits?: Partial<Rates>;
  readonly retention?: Partial<OwnRetention>;
}

/** Clients by name. @param page `after`: the last name of the page before. */
export async function listClients(
  db: Db,
  page: { readonly after?: string; readonly limit: number },
): Promise<ListedClient[]> {
  let query = db.selectFrom('clients').select(['id', 'name', 'disabled_at', 'created_at']);
  if (page.after !== undefined) query = query.where('name', '>', page.after);
  const rows = await query.orderBy('name').limit(page.limit).execute();
  return rows.map(({ disabled_at, ...client }) => ({ ...client, disabled: disabled_at !== null }));
}

/**
 * Makes a client with the default limits, which may send as nobody until it is told as whom.
 *
 * @returns its id; undefined when there is one of that name.
 */
export async function createClient(db: Db, name: string): Promise<string | undefined> {
  const created = await db
    .insertInto('clients')
    .values({ name, any_sender: false, ...columnsOf(DEFAULT_RATES) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return created?.id;
}

/** @returns undefined when there is no such client. */
export async function readClientSettings(db: Db, clientId: string): Promise<ClientSettings | undefined> {
  const client = await db.selectFrom('clients').selectAll().where('id', '=', clientId).executeTakeFirst();
  if (!client) return undefined;
  const used = await db
    .selectFrom('client_usage')
    .select(['priority', 'accepted'])
    .where('client_id', '=', clientId)
    .where('day', '=', TODAY)
    .execute();
  return {
    id: client.id,
    name: client.name,
    disabled: client.disabled_at !== null,
    created_at: client.created_at,
    failure_notices: client.failure_notices,
    track_opens: client.track_opens,
    daily_limits: perPriority((priority) => client[`daily_limit_${priority}`]),
    submitted_today: perPriority((priority) => used.find((row) => row.priority === priority)?.accepted ?? 0),
    rate_limits: ratesOf(client),
    retention: { content_days: client.content_days, record_days: client.record_days },
  };
}

/** Changes what is given, and nothing else. */
export async function changeClientSettings(db: Db, clientId: string, change: SettingsChange): Promise<void> {
  const { critical, medium, low } = change.daily_limits ?? {};
  const disabled = change.disabled ?? null;
  await db
    .updateTable('clients')
    .set({
      disabled_at: sql<Date | null>`case ${disabled}::boolean
        when true then coalesce(disabled_at, now()) when false then null else disabled_at end`,
      failure_notices: sql<boolean>`coalesce(${change.failure_notices ?? null}::boolean, failure_notices)`,
      track_opens: sql<boolean>`coalesce(${change.track_opens ?? null}::boolean, track_opens)`,
      daily_limit_critical: sql<number>`coalesce(${critical ?? null}::int, daily_limit_critical)`,
      daily_limit_medium: sql<number>`coalesce(${medium ?? null}::int, daily_limit_medium)`,
      daily_limit_low: sql<number>`coalesce(${low ?? null}::int, daily_limit_low)`,
      ...columnsOf(change.rate_limits ?? {}),
      ...change.retention,
    })
    .where('id', '=', clientId)
    .execute();
}
