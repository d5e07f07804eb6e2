import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Database } from '../../postgres/schema.js';
import { compileOnce } from '../../postgres/statements/compile-once.js';
import type { SoughtMessage } from '../../providers/webhook-format/event.js';
import type { ProviderEvent } from './provider-events.js';

/** A statement has at most 65,535 parameters; a row of ours has eight at most. */
const ROWS_PER_STATEMENT = 1_000;

/**
 * Takes a webhook's one-time token for a body, in the transaction that stores what the webhook says. A second request
 * with the same token waits here until the first has committed.
 *
 * @param bodyHash SHA-256 of the body as it came.
 * @returns `new`; `known` for the same body again, a repetition; `stolen` for another body under a used token.
 */
export async function takeWebhookToken(
  trx: Transaction<Database>,
  provider: ProviderName,
  token: string,
  bodyHash: Buffer,
): Promise<'new' | 'known' | 'stolen'> {
  const [taken] = await take(trx, { provider, token, bodyHash });
  if (taken) return 'new';
  const first = await trx
    .selectFrom('webhook_tokens')
    .select('body_hash')
    .where('provider', '=', provider)
    .where('token', '=', token)
    .executeTakeFirstOrThrow();
  return first.body_hash.equals(bodyHash) ? 'known' : 'stolen';
}

const take = compileOnce(
  (db, { provider, token, bodyHash }: { provider: ProviderName; token: string; bodyHash: Buffer }) =>
    db
      .insertInto('webhook_tokens')
      .values({ provider, token, body_hash: bodyHash })
      .onConflict((conflict) => conflict.doNothing())
      .returning('token'),
);

/** What a provider told us without naming an e-mail that we know. */
interface UnmatchedWebhook {
  readonly provider: ProviderName;
  readonly reason: string;
  /** The event as it came; free of what `jsonb` cannot hold. */
  readonly body: Record<string, unknown>;
  /** What its e-mail is looked for by, and what is stored once it is found. */
  readonly sought?: SoughtMessage & { readonly event: ProviderEvent };
}

/** An event that could not be matched at once is looked for again after this long. */
const MATCH_AFTER = sql<Date>`now() + interval '5 seconds'`;

/** Keeps what cannot be tied to an e-mail. The same thing told again is kept once. */
export async function keepUnmatched(db: Kysely<Database>, webhooks: readonly UnmatchedWebhook[]): Promise<void> {
  const rows = webhooks.map(({ provider, reason, body, sought }) => {
    const json = JSON.stringify(body);
    return {
      ...{ id: idOf(provider, json), provider, reason, body: json },
      provider_message_id: sought?.providerMessageId ?? null,
      taken_at: sought?.takenAt ?? null,
      event: sought ? JSON.stringify(sought.event) : null,
      match_at: sought ? MATCH_AFTER : null,
    };
  });
  // In one order for everybody: two copies of a batch that arrive together must not wait for each other in a circle.
  rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('unmatched_webhooks')
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** A UUID made from the content (version 8), so that a batch repeated by its provider adds nothing. */
function idOf(provider: ProviderName, json: string): string {
  const digest = createHash('sha256').update(`${provider}\n${json}`).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
