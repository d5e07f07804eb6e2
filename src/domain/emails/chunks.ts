import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';

/** Small enough for short statements, large enough that 18 MB are 72 of them. */
export const CHUNK_BYTES = 256 * 1024;

/** What was staged, measured on the way. */
export interface Digest {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * One attachment on its way into `attachment_chunks`. No connection is held between two chunks, so a client that
 * sends slowly costs one buffer and nothing that others wait for.
 *
 * @param db a pool for uploads alone.
 */
export class ChunkStaging {
  #emailId: string | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(private readonly db: Db) {}

  /** The id of the future e-mail, made by the database with the first chunk; undefined while nothing is staged. */
  get emailId(): string | undefined {
    return this.#emailId;
  }

  /** Stages a stream to its end. @throws what the stream or the database throws; call `discard` then. */
  write(source: AsyncIterable<Buffer>): Promise<Digest> {
    const writing = this.#write(source);
    this.#writing = writing;
    return writing;
  }

  /** Waits for a write under way to end, one way or the other, then removes what was staged. */
  async discard(): Promise<void> {
    await this.#writing.catch(() => undefined);
    if (!this.#emailId) return;
    await sql`delete from attachment_chunks where email_id = ${this.#emailId}
      and not exists (select 1 from attachments where email_id = ${this.#emailId})`.execute(this.db);
  }

  async #write(source: AsyncIterable<Buffer>): Promise<Digest> {
    const hash = createHash('sha256');
    // One buffer for the whole upload: each chunk is stored before the next is gathered.
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    let seq = 0;
    let sizeBytes = 0;
    for await (const piece of source) {
      hash.update(piece);
      sizeBytes += piece.length;
      for (let from = 0; from < piece.length; ) {
        const taken = piece.copy(chunk, filled, from);
        from += taken;
        filled += taken;
        if (filled < CHUNK_BYTES) continue;
        await this.#store(seq++, chunk);
        filled = 0;
      }
    }
    if (filled > 0) await this.#store(seq, chunk.subarray(0, filled));
    return { sizeBytes, sha256: hash.digest('hex') };
  }

  async #store(seq: number, data: Buffer): Promise<void> {
    const { email_id } = await this.db
      .insertInto('attachment_chunks')
      .values({ email_id: this.#emailId ?? sql<string>`uuidv7()`, seq, data })
      .returning('email_id')
      .executeTakeFirstOrThrow();
    this.#emailId = email_id;
  }
}

/** Uploads swept at once: at most 100 × 18 MB in one transaction. */
const SWEEP_BATCH = 100;

/**
 * Removes chunks that were staged more than an hour ago and never became part of an e-mail: their api was killed, or
 * its answer from the database was lost. An upload takes minutes at most, so none of these is still under way.
 *
 * @returns how many uploads were removed; when it is 100 there may be more.
 */
export async function sweepOrphanChunks(db: Db): Promise<number> {
  // `uuidv7(interval)` makes an id of another moment; ids sort by time.
  const { rows } = await sql<{ count: number }>`
    with orphans as (
      select distinct email_id from attachment_chunks as chunk
      where email_id < uuidv7(interval '-1 hour')
        and not exists (select 1 from attachments where attachments.email_id = chunk.email_id)
      limit ${SWEEP_BATCH}
    ), removed as (
      delete from attachment_chunks using orphans where attachment_chunks.email_id = orphans.email_id
    )
    select count(*) as count from orphans`.execute(db);
  return rows[0]?.count ?? 0;
}
