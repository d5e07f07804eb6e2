import { type Expression, sql } from 'kysely';

/**
 * What is kept of the id of a forgotten e-mail (SHA-256, 32 bytes): whoever shows the id again, as Temporal does, can be
 * told that it was known here; nobody finds the id by it.
 */
export const idDigest = (id: Expression<unknown>) => sql<Buffer>`sha256(convert_to(${id}::text, 'UTF8'))`;
