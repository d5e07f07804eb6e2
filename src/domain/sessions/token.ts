import { createHash } from 'node:crypto';

/** SHA-256: a token is 32 random bytes, so a slow hash would protect nothing more. */
export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest();
