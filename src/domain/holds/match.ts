import { type RawBuilder, sql } from 'kysely';

/** What holds look at, of an e-mail that may not be in the record yet. */
interface Held {
  readonly clientId: RawBuilder<unknown>;
  readonly priority: RawBuilder<unknown>;
  readonly tags: RawBuilder<unknown>;
  readonly senderDomain: RawBuilder<unknown>;
  readonly receiverDomain: RawBuilder<unknown>;
  /** Whether the recovery of the hold `h` lists it as unknown, and nobody has decided about it. */
  readonly isListed: RawBuilder<boolean>;
}

/** Whether the hold `h` concerns an e-mail. One of a recovery has no terms: it concerns all, or what is listed. */
const concerns = ({ clientId, priority, tags, senderDomain, receiverDomain, isListed }: Held) => sql<boolean>`
  (not h.listed or ${isListed}) and (h.client_id is null or h.client_id = ${clientId}) and (h.priority is null or h.priority = ${priority})
  and (h.tag is null or h.tag = any(${tags})) and (h.sender_domain is null or h.sender_domain = ${senderDomain})
  and (h.receiver_domain is null or h.receiver_domain = ${receiverDomain})`;

/** As `domainOf` reads a sender with or without a display name. */
const ROW: Held = {
  clientId: sql`e.client_id`,
  priority: sql`e.priority`,
  tags: sql`e.tags`,
  senderDomain: sql`lower(substring(e.sender from '@([^@<>[:space:]]+)>?[[:space:]]*$'))`,
  receiverDomain: sql`substring(e.receiver_address from '@([^@]+)$')`,
  isListed: sql`exists (select from recovery_items i where i.email_id = e.id and i.recovery_id = h.recovery_id
    and i.verdict = 'unknown' and i.decision is null)`,
};

/** Those that refuse come first, then the oldest. */
const activeFor = (mail: Held) => sql`
  select h.id, h.reject from holds h where h.released_at is null and ${concerns(mail)}
  order by h.reject desc, h.created_at limit 1`;

/** The active hold of the row `e` of `emails`, with its `id` and `reject`; to be joined laterally. */
export const activeHold = activeFor(ROW);

/** Whether the hold `h` concerns the row `e` of `emails`. */
export const concernsEmail = concerns(ROW);

/** The active hold of an e-mail that is being submitted, as `activeHold`. @param mail domains in lower case. */
export const activeHoldOf = (mail: {
  readonly clientId: string;
  readonly priority: string;
  readonly tags: readonly string[];
  readonly senderDomain: string;
  readonly receiverDomain: string;
}) =>
  activeFor({
    clientId: sql`${mail.clientId}::uuid`,
    priority: sql`${mail.priority}`,
    tags: sql`${[...mail.tags]}::text[]`,
    senderDomain: sql`${mail.senderDomain}`,
    receiverDomain: sql`${mail.receiverDomain}`,
    isListed: sql`false`,
  });
