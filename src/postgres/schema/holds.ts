import type { Generated } from 'kysely';
import type { Priority } from '../../priority.js';

/** What is given has to be so of an e-mail, all of it. */
export interface HoldTable {
  id: Generated<string>;
  client_id: string | null;
  /** Domains in lower case. */
  sender_domain: string | null;
  receiver_domain: string | null;
  tag: string | null;
  priority: Priority | null;
  /** Whether submissions are refused, rather than accepted and held. */
  reject: Generated<boolean>;
  reason: string;
  created_at: Generated<Date>;
  released_at: Date | null;
  /** Of the recovery that began it; null: an operator's. It concerns everything, or what is listed. */
  recovery_id: string | null;
  /** Whether it concerns those e-mails alone that the recovery lists as unknown and nobody has decided about. */
  listed: Generated<boolean>;
}
