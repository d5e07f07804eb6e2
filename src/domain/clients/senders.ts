import { domainToASCII } from 'node:url';
import { type Kysely, sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Database } from '../../postgres/schema.js';
import { transact } from '../../postgres/transaction.js';

/** Anybody at all. */
const ANY_SENDER = '*';

/** More than anybody has; a list is answered whole. */
export const MOST_SENDERS = 1_000;

/** As whom a client may send. */
export interface Sender {
  /** `orders@example.com`, `example.com`, `*.example.com` (every domain below it, not itself), or `*` for anybody. */
  readonly sender: string;
  /** Null of `*`, which is a switch of the client's. */
  readonly created_at: Date | null;
}

const MAILBOX = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads whom somebody may send as, in the spelling that addresses are compared in: lower case, domains as punycode.
 *
 * @returns undefined for what is neither an address nor a domain of two labels at least.
 */
export function parseSender(text: string): string | undefined {
  const given = text.trim().toLowerCase();
  if (given.length > 254) return undefined;
  if (given === ANY_SENDER) return given;
  const [, before, domain] = /^(?:(.*)@|(?=\*\.)|)(?:\*\.)?([^@]*)$/.exec(given) ?? [];
  // It parses a domain as part of a URL: anything from a slash on would be dropped.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain ?? '')) return undefined;
  const ascii = domainToASCII(domain!);
  if (!DOMAIN.test(ascii)) return undefined;
  if (before === undefined) return given.startsWith('*.') ? `*.${ascii}` : ascii;
  return MAILBOX.test(before) && before.length <= 64 && !given.includes('@*.') ? `${before}@${ascii}` : undefined;
}

/** All entries that allow an address: the address, its domain, every domain above. @param address bare, lower case. */
export function sendersAllowing(address: string): string[] {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  const labels = domain.split('.');
  const above = labels.slice(1, -1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  return [address, domain, ...above];
}

/** Whether a client may send as an address, for a `select` of any statement; null when there is no such client. */
export const maySendAs = (clientId: string, address: string) => sql<boolean | null>`(
  select c.any_sender or exists (select from client_senders s
    where s.client_id = c.id and s.sender = any(${sendersAllowing(address)}::text[]))
  from clients c where c.id = ${clientId})`;

/** Whether a client may send as an address. @param address bare, lower case. */
export async function maySend(db: Kysely<Database>, clientId: string, address: string): Promise<boolean> {
  const row = await db.selectNoFrom(maySendAs(clientId, address).as('may')).executeTakeFirst();
  return row?.may ?? false;
}

/** As whom a client may send, in the order of the alphabet. @returns undefined when there is no such client. */
export async function listSenders(db: Db, clientId: string): Promise<Sender[] | undefined> {
  const client = await db.selectFrom('clients').select('any_sender').where('id', '=', clientId).executeTakeFirst();
  if (!client) return undefined;
  const senders = await db
    .selectFrom('client_senders')
    .select(['sender', 'created_at'])
    .where('client_id', '=', clientId)
    .orderBy('sender')
    .execute();
  return client.any_sender ? [{ sender: ANY_SENDER, created_at: null }, ...senders] : senders;
}

/**
 * Allows a client to send as somebody, from its next submission on; twice is once.
 *
 * @param sender as `parseSender` gives it.
 */
export async function addSender(db: Db, clientId: string, sender: string): Promise<'added' | 'no_client' | 'too_many'> {
  return transact(db, async (trx) => {
    // Locked, so that two at once do not both see room for the last one.
    const client = await trx
      .selectFrom('clients')
      .select('id')
      .where('id', '=', clientId)
      .forUpdate()
      .executeTakeFirst();
    if (!client) return 'no_client';
    if (sender === ANY_SENDER) {
      await trx.updateTable('clients').set({ any_sender: true }).where('id', '=', clientId).execute();
      return 'added';
    }
    const { count } = await trx
      .selectFrom('client_senders')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('client_id', '=', clientId)
      .where('sender', '!=', sender)
      .executeTakeFirstOrThrow();
    if (count >= MOST_SENDERS) return 'too_many';
    await trx
      .insertInto('client_senders')
      .values({ client_id: clientId, sender })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return 'added';
  });
}

/** Takes a sender back, from the next submission on. Accepted e-mails are still sent. @returns false if there was none. */
export async function removeSender(db: Db, clientId: string, sender: string): Promise<boolean> {
  if (sender === ANY_SENDER) {
    const changed = await db
      .updateTable('clients')
      .set({ any_sender: false })
      .where('id', '=', clientId)
      .where('any_sender', '=', true)
      .returning('id')
      .executeTakeFirst();
    return changed !== undefined;
  }
  const removed = await db
    .deleteFrom('client_senders')
    .where('client_id', '=', clientId)
    .where('sender', '=', sender)
    .returning('sender')
    .executeTakeFirst();
  return removed !== undefined;
}
