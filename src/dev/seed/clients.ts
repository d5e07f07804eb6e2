import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import type { Priority } from '../../priority.js';
import type { Chance } from './random.js';

/** Clients that were seeded are told from all others by their names. */
export const SEEDED = 'seed-';

/** What a client's e-mails are like. */
interface Kind {
  readonly name: string;
  readonly sender: string;
  readonly tags: readonly string[];
  readonly subject: (chance: Chance) => string;
  readonly content: (name: string) => string;
}

const number = (chance: Chance, digits: number) => String(chance.below(10 ** digits)).padStart(digits, '0');

const KINDS: Readonly<Record<Priority, readonly Kind[]>> = {
  critical: [
    {
      name: 'login',
      sender: 'Example Accounts <login@example.com>',
      tags: ['login-code'],
      subject: (chance) => `Your code is ${number(chance, 6)}`,
      content: (name) => `Hello ${name},\r\n\r\nuse this code within ten minutes. If it was not you, do nothing.\r\n`,
    },
    {
      name: 'passwords',
      sender: 'Example Accounts <password@example.com>',
      tags: ['password-reset'],
      subject: () => 'Choose a new password',
      content: (name) =>
        `Hello ${name},\r\n\r\nfollow the link to choose a new password:\r\nhttps://example.com/reset\r\n`,
    },
  ],
  medium: [
    {
      name: 'orders',
      sender: 'Example Shop <orders@example.com>',
      tags: ['order', 'receipt'],
      subject: (chance) => `Your order ${number(chance, 8)} is on its way`,
      content: (name) =>
        `Hello ${name},\r\n\r\nthank you for your order. It left our house today and should be with you within three ` +
        'days.\r\nThe receipt is attached to this message, or in your account.\r\n\r\nYour Example Shop\r\n',
    },
    {
      name: 'viewings',
      sender: 'Example Homes <viewings@example.com>',
      tags: ['viewing'],
      subject: (chance) => `Your viewing of No. ${number(chance, 4)}`,
      content: (name) =>
        `Dear ${name},\r\n\r\nwe look forward to showing you the house. Please tell us if the time does not suit.\r\n`,
    },
    {
      name: 'invoices',
      sender: 'Example Billing <billing@example.com>',
      tags: ['invoice'],
      subject: (chance) => `Invoice ${number(chance, 7)}`,
      content: (name) => `Dear ${name},\r\n\r\nyour invoice of this month is ready.\r\n`,
    },
  ],
  low: [
    {
      name: 'news',
      sender: 'Example News <news@example.com>',
      tags: ['newsletter'],
      subject: (chance) => `What is new, No. ${number(chance, 3)}`,
      content: (name) =>
        `Hello ${name},\r\n\r\n${'this week we have read, seen and tried a good deal for you. '.repeat(12)}\r\n`,
    },
    {
      name: 'listings',
      sender: 'Example Homes <listings@example.com>',
      tags: ['listings', 'weekly'],
      subject: (chance) => `${2 + chance.below(40)} new homes in your area`,
      content: (name) =>
        `Hello ${name},\r\n\r\n${'A house with a garden, three rooms, near the station.\r\n'.repeat(8)}`,
    },
  ],
};

export interface SeededClient extends Kind {
  readonly id: string;
}

export type SeededClients = Readonly<Record<Priority, readonly SeededClient[]>>;

/** Makes the clients that are not there yet, each with a key that nobody knows. */
export async function seedClients(db: Db): Promise<SeededClients> {
  const withIds = async (kinds: readonly Kind[]) =>
    Promise.all(kinds.map(async (kind) => ({ ...kind, id: await clientNamed(db, SEEDED + kind.name) })));
  const [critical, medium, low] = await Promise.all([KINDS.critical, KINDS.medium, KINDS.low].map(withIds));
  return { critical: critical!, medium: medium!, low: low! };
}

async function clientNamed(db: Db, name: string): Promise<string> {
  const created = await db
    .insertInto('clients')
    .values({ name, created_at: sql`now() - interval '90 days'` })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!created) {
    return (await db.selectFrom('clients').select('id').where('name', '=', name).executeTakeFirstOrThrow()).id;
  }
  const key = `tp_${randomBytes(24).toString('base64url')}`;
  const key_hash = createHash('sha256').update(key).digest();
  await db
    .insertInto('api_keys')
    .values({ client_id: created.id, key_hash, prefix: key.slice(0, 8) })
    .execute();
  return created.id;
}

const FIRST_NAMES = ['Ada', 'Alan', 'Barbara', 'Chidi', 'Dorothy', 'Edsger', 'Grace', 'Hedy', 'Katherine', 'Linus'];
const LAST_NAMES = ['Abara', 'Brandt', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Hansen', 'Ito', 'Jensen'];
const HOSTS = ['example.org', 'example.net', 'mail.example.org', 'post.example.net'];

/** Somebody who does not exist, at an address that cannot exist; some get many e-mails. */
export function receiver(chance: Chance): { readonly name: string; readonly address: string } {
  const [first, last] = [chance.of(FIRST_NAMES), chance.of(LAST_NAMES)];
  // The square makes low numbers frequent.
  const number = Math.floor(chance.next() ** 2 * 5_000);
  return { name: first, address: `${first}.${last}${number}@${chance.of(HOSTS)}`.toLowerCase() };
}
