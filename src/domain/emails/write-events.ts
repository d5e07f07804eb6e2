import { type Kysely, sql, type UpdateObject } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Database } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import type { Trx } from '../../postgres/transaction.js';
import { type EventRow, rowOf } from './event-rows.js';

type Columns = UpdateObject<Database, 'emails'>;

/** What is written of an e-mail along with its events, in the same statement. */
export interface EmailChanges {
  /** When its workflow was started. The first time stands. */
  readonly dispatchedAt?: Date;
  /** Which provider took it. The first one stands. */
  readonly taken?: Taken;
  /** What operators and clients change. */
  readonly columns?: Columns;
}

export interface Taken {
  readonly provider: ProviderName;
  readonly providerMessageId: string | null;
  /** Null: now, by the database's clock. */
  readonly at: Date | null;
}

/** The columns that say which provider took an e-mail. */
export const takenColumns = ({ provider, providerMessageId, at }: Taken): Columns => ({
  sent_at: sql<Date>`coalesce(sent_at, ${at}::timestamptz, clock_timestamp())`,
  provider: sql<ProviderName>`coalesce(provider, ${provider})`,
  provider_message_id: sql<string | null>`coalesce(provider_message_id, ${providerMessageId})`,
});

/** What every e-mail's way changes, each by its name: these columns of the values beside it. */
const USUAL = {
  status: ({ status }: Usual): Columns => ({ status }),
  dispatchedAt: ({ dispatchedAt }: Usual): Columns => ({
    dispatched_at: sql<Date>`coalesce(dispatched_at, ${dispatchedAt})`,
  }),
  taken: ({ takenBy, takenAs, takenAt }: Usual): Columns =>
    takenColumns({ provider: takenBy, providerMessageId: takenAs, at: takenAt }),
};

interface Usual {
  readonly status: string;
  readonly dispatchedAt: Date;
  readonly takenBy: ProviderName;
  readonly takenAs: string | null;
  readonly takenAt: Date | null;
}

type UsualChange = keyof typeof USUAL;

/**
 * Adds events and changes their e-mail, in one statement where there are both.
 *
 * @param status its new one; undefined: it stays.
 */
export async function writeEvents(
  trx: Trx,
  emailId: string,
  rows: readonly EventRow[],
  { dispatchedAt, taken, columns }: EmailChanges,
  status: string | undefined,
): Promise<void> {
  const usual: UsualChange[] = [];
  if (status !== undefined) usual.push('status');
  if (dispatchedAt) usual.push('dispatchedAt');
  if (taken) usual.push('taken');
  const values = {
    ...{ status, dispatchedAt, takenBy: taken?.provider, takenAs: taken?.providerMessageId, takenAt: taken?.at },
  } as Usual;
  const [row, ...more] = rows;
  if (row && more.length === 0 && !columns) await writeOne(usual)(trx, { ...values, ...row });
  else if (row || usual.length > 0 || columns) {
    const changes = Object.assign({}, columns, ...usual.map((name) => USUAL[name](values)));
    await statementOf(trx, emailId, rows, changes).execute();
  }
}

/** The statements of one event, as most are: one for each set of changes. */
const ofOneEvent = new Map<string, ReturnType<typeof compileWriteOne>>();

function writeOne(usual: readonly UsualChange[]) {
  const key = usual.join();
  const known = ofOneEvent.get(key) ?? compileWriteOne(usual);
  ofOneEvent.set(key, known);
  return known;
}

const compileWriteOne = (usual: readonly UsualChange[]) =>
  compileOnce((db, values: Usual & EventRow) => {
    const changes = Object.assign({}, ...usual.map((name) => USUAL[name](values)));
    return statementOf(db, values.email_id, [values], changes);
  });

function statementOf(db: Kysely<Database>, emailId: string, events: readonly EventRow[], changes: Columns) {
  const rows = events.map(rowOf);
  if (Object.keys(changes).length === 0) return db.insertInto('email_events').values(rows);
  const adding = rows.length > 0 ? db.with('added', (cte) => cte.insertInto('email_events').values(rows)) : db;
  return adding.updateTable('emails').set(changes).where('id', '=', emailId);
}
