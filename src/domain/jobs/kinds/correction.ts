import { addressOf } from '../../../address.js';
import type { Trx } from '../../../postgres/transaction.js';

/** What is put right in receivers: the whole address, where all have the same one, or the domain behind each. */
export interface Correction {
  readonly receiver?: { readonly submitted: string; readonly address: string };
  /** In lower case. */
  readonly domain?: string;
}

/** The receiver that an e-mail is to have. A name before the address stays when only the domain is put right. */
export async function correctedReceiver(trx: Trx, emailId: string, { receiver, domain }: Correction) {
  if (receiver) return receiver;
  const { receiver: before } = await trx
    .selectFrom('emails')
    .select('receiver')
    .where('id', '=', emailId)
    .executeTakeFirstOrThrow();
  const submitted = before.replace(/@[^@<>]+(>\s*)?$/, (_, end = '') => `@${domain}${end}`);
  return { submitted, address: addressOf(submitted) };
}
