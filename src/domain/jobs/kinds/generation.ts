import type { Trx } from '../../../postgres/transaction.js';

/** Locks an e-mail and reads its generation; undefined when there is none any more. */
export async function currentGeneration(trx: Trx, emailId: string): Promise<number | undefined> {
  const row = await trx
    .selectFrom('emails')
    .select('generation')
    .where('id', '=', emailId)
    .forUpdate()
    .executeTakeFirst();
  return row?.generation;
}
