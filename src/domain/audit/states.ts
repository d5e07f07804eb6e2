import { sql } from 'kysely';
import type { JsonObject } from '../../postgres/schema/json.js';
import type { Trx } from '../../postgres/transaction.js';
import { hashed, idOf, type Target } from './targets.js';

/** How targets stand, by their ids; null for what is not there. */
export type States = ReadonlyMap<string, JsonObject | null>;

/**
 * Reads how targets stand, and keeps everybody else from changing them until the transaction ends. Never secrets,
 * addresses or contents.
 */
export async function readStates(trx: Trx, targets: readonly Target[]): Promise<States> {
  // Always in the same order, so that two at once cannot block each other.
  const ordered = [...targets].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const states = await Promise.all(
    ordered.map(async (target) => [idOf(target), await readState(trx, target)] as const),
  );
  return new Map(states);
}

async function readState(trx: Trx, target: Target): Promise<JsonObject | null> {
  const row = await rowOf(trx, target);
  return row ? stateOf(row) : null;
}

/** Drops the address: nothing else in these rows may have to be forgotten. */
const stateOf = ({ receiver_address, ...row }: JsonObject): JsonObject =>
  typeof receiver_address === 'string' ? { ...row, receiver: hashed(receiver_address) } : row;

function rowOf(trx: Trx, target: Target): Promise<JsonObject | undefined> {
  switch (target.kind) {
    case 'queue':
      return queue(trx).where('priority', '=', target.id).executeTakeFirst();
    case 'provider':
      return provider(trx).where('provider', '=', target.id).executeTakeFirst();
    case 'client':
      return client(trx).where('id', '=', target.id).executeTakeFirst();
    case 'key':
      return key(trx).where('id', '=', target.id).executeTakeFirst();
    case 'email':
      return email(trx).where('id', '=', target.id).executeTakeFirst();
    case 'dead_letter':
      return deadLetter(trx).where('email_id', '=', target.id).executeTakeFirst();
    case 'hold':
      return hold(trx).where('id', '=', target.id).executeTakeFirst();
    case 'job':
      return job(trx).where('id', '=', target.id).executeTakeFirst();
    case 'routing':
      return routing(trx).executeTakeFirst();
    case 'person':
      // What is kept of them is not for the audit.
      return Promise.resolve(undefined);
    case 'sender':
      return sender(trx, target.clientId, target.sender);
    case 'suppression':
      return suppression(trx)
        .where('client_id', '=', target.clientId)
        .where('address', '=', target.address)
        .executeTakeFirst();
  }
}

const queue = (trx: Trx) => trx.selectFrom('queue_controls').select(['paused_at', 'reason']).forNoKeyUpdate();

const provider = (trx: Trx) =>
  trx.selectFrom('provider_controls').select(['enabled', 'forced', 'rate_per_s', 'per_day', 'reason']).forNoKeyUpdate();

const client = (trx: Trx) =>
  trx
    .selectFrom('clients')
    .select(['name', 'disabled_at', 'failure_notices', 'any_sender'])
    .select(['daily_limit_critical', 'daily_limit_medium', 'daily_limit_low'])
    .select(['send_rate', 'send_burst', 'read_rate', 'read_burst'])
    .select(['content_days', 'record_days'])
    .forNoKeyUpdate();

const key = (trx: Trx) =>
  trx
    .selectFrom('api_keys')
    .select(['client_id', 'name', 'prefix', 'operator', 'role', 'scopes', 'allowed_addresses', 'expires_at'])
    .select(['revoked_at', 'replaced_by', 'send_rate', 'send_burst', 'read_rate', 'read_burst'])
    .forNoKeyUpdate();

const email = (trx: Trx) =>
  trx
    .selectFrom('emails')
    .select(['client_id', 'status', 'generation', 'due_at', 'only_provider', 'receiver_address'])
    .forNoKeyUpdate();

/** Of its last death. */
const deadLetter = (trx: Trx) =>
  trx
    .selectFrom('dead_emails')
    .select(['client_id', 'generation', 'reason', 'code', 'provider', 'resolution'])
    .orderBy('generation', 'desc')
    .limit(1)
    .forNoKeyUpdate();

const hold = (trx: Trx) =>
  trx
    .selectFrom('holds')
    .select(['client_id', 'sender_domain', 'receiver_domain', 'tag', 'priority', 'reject', 'reason', 'released_at'])
    .forNoKeyUpdate();

/** Not its parameters: filters hold addresses. */
const job = (trx: Trx) => trx.selectFrom('jobs').select(['kind', 'state', 'matched', 'rate_per_s']).forNoKeyUpdate();

/** With the builds that are retired. */
const routing = (trx: Trx) =>
  trx
    .selectFrom('worker_routing')
    .select(['current_build', 'ramping_build', 'ramping_percent', 'previous_build'])
    .select(sql<string[]>`array(select build_id from retired_builds order by build_id)`.as('retired'))
    .forNoKeyUpdate();

const suppression = (trx: Trx) =>
  trx.selectFrom('suppressions').select(['reason', 'email_id', 'unsubscribed_at']).forNoKeyUpdate();

/** `*` is a switch of the client's, all others are rows. */
function sender(trx: Trx, clientId: string, text: string): Promise<JsonObject | undefined> {
  if (text !== '*') {
    return trx
      .selectFrom('client_senders')
      .select(sql<boolean>`true`.as('allowed'))
      .where('client_id', '=', clientId)
      .where('sender', '=', text)
      .executeTakeFirst();
  }
  return trx
    .selectFrom('clients')
    .select('any_sender as allowed')
    .where('id', '=', clientId)
    .where('any_sender', '=', true)
    .executeTakeFirst();
}
