import { sql } from 'kysely';
import { count } from '../../postgres/counters.js';
import { later, type Trx } from '../../postgres/transaction.js';
import { attemptEvent } from '../attempts/transitions.js';
import { type LockedEmail, lockEmail } from '../emails/events.js';
import type { StatusCatalogue } from '../emails/statuses.js';
import { markHandedOver, noteTakenBy } from '../queue/entry.js';
import { recordEvents } from '../transitions/record.js';
import type { SentEvidence } from './verdict.js';

/**
 * Adopts what evidence proves: the attempt is in the ledger as accepted, at its own time, so nobody is permitted to call
 * again. A generation that the restored record does not know becomes the e-mail's: its webhooks name it.
 *
 * @param sent at least one; a second one is a duplicate, and counted.
 */
export async function adoptSent(
  trx: Trx,
  emailId: string,
  sent: readonly SentEvidence[],
  catalogue: StatusCatalogue,
): Promise<void> {
  // `recordEvents` wants the e-mail as it is locked, once for each writing.
  for (const evidence of [...sent].sort((a, b) => a.generation - b.generation)) {
    const email = await lockEmail(trx, emailId);
    if (!email) return;
    await adopt(trx, await raised(trx, email, evidence.generation), evidence, catalogue);
  }
}

async function raised(trx: Trx, email: LockedEmail, generation: number): Promise<LockedEmail> {
  if (generation <= email.generation) return email;
  await trx.updateTable('emails').set({ generation }).where('id', '=', email.id).execute();
  await trx.updateTable('email_queue').set({ generation }).where('email_id', '=', email.id).execute();
  return { ...email, generation };
}

async function adopt(
  trx: Trx,
  email: LockedEmail,
  { generation, provider, providerMessageId, at, ...evidence }: SentEvidence,
  catalogue: StatusCatalogue,
): Promise<void> {
  const known = await trx
    .selectFrom('send_attempts')
    .select(['attempt', 'provider', 'state'])
    .where('email_id', '=', email.id)
    .where('generation', '=', generation)
    .execute();
  const open = known.find((each) => each.provider === provider && isOpen(each.state));
  const last = Math.max(0, ...known.map((each) => each.attempt));
  const isTaken = (n: number) => known.some((each) => each.attempt === n && each.provider !== provider);
  const named = evidence.attempt !== null && !isTaken(evidence.attempt) ? evidence.attempt : undefined;
  const id = { emailId: email.id, generation, attempt: named ?? open?.attempt ?? last + 1, provider };
  if (known.some((each) => each.attempt === id.attempt && each.state === 'accepted')) return;
  if (known.some(({ state }) => state === 'accepted')) await count(trx, 'known_duplicates', provider);
  await count(trx, 'adopted_attempts', provider);
  const startedAt = at ?? sql<Date>`clock_timestamp()`;
  await trx
    .insertInto('send_attempts')
    .values({
      ...{ email_id: email.id, generation, attempt: id.attempt, provider, state: 'accepted' },
      ...{ started_at: startedAt, call_until: startedAt, finished_at: startedAt },
      provider_message_id: providerMessageId,
    })
    .onConflict((conflict) =>
      conflict.columns(['email_id', 'generation', 'attempt']).doUpdateSet({
        state: 'accepted',
        finished_at: startedAt,
        provider_message_id: sql<string | null>`coalesce(send_attempts.provider_message_id, ${providerMessageId})`,
      }),
    )
    .execute();
  const taken = { provider, providerMessageId, at };
  const event = { ...attemptEvent(id, 'sent', { found_by: `recovery_${evidence.by}` }), occurredAt: at };
  if (generation === email.generation) {
    await recordEvents(trx, email, [event], catalogue, { taken });
    await markHandedOver(trx, email.id);
    // Its signals and its hold are of an e-mail that was to be sent.
    await later(trx, trx.updateTable('email_queue').set({ hold_id: null }).where('email_id', '=', email.id).execute());
    return;
  }
  const { status } = await recordEvents(trx, email, [event], catalogue);
  if (catalogue.get(status)?.survives) await noteTakenBy(trx, email.id, taken);
}

const isOpen = (state: string) => state === 'calling' || state === 'ambiguous';
