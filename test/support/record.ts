import { expect } from 'vitest';
import type { Db } from '../../src/postgres/database.js';

type Named = { readonly id: string };

/** What the record says of an e-mail, in the words that tests compare. */
export function readRecord(db: Db) {
  return {
    async statusOf({ id }: Named) {
      const email = await db.selectFrom('emails').select('status').where('id', '=', id).executeTakeFirstOrThrow();
      return email.status;
    },
    eventsOf({ id }: Named) {
      return db.selectFrom('email_events').selectAll().where('email_id', '=', id).orderBy('event_key').execute();
    },
    /** Kinds of signals that wait to be delivered. */
    async signalsOf({ id }: Named) {
      const rows = await db.selectFrom('pending_signals').select('kind').where('email_id', '=', id).execute();
      return rows.map(({ kind }) => kind).sort();
    },
    async suppressionOf({ clientId }: { clientId: string }) {
      return db
        .selectFrom('suppressions')
        .select(['address', 'reason'])
        .where('client_id', '=', clientId)
        .executeTakeFirst();
    },
    unmatched() {
      return db.selectFrom('unmatched_webhooks').select(['provider', 'reason', 'body']).execute();
    },
  };
}

/** An answer's status and, for problems, its code. */
export async function answerOf(response: Response): Promise<[status: number, code?: string]> {
  if (response.status === 200) return [200];
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as { status: number; code: string };
  expect(body.status).toBe(response.status);
  return [response.status, body.code];
}
