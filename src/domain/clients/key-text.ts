import { createHash, randomBytes } from 'node:crypto';

/** Shown in lists; too short to help anyone guess the rest. */
const PREFIX_LENGTH = 8;

/** A new key: 32 random bytes in base64url behind `tp_`. */
export const newKey = () => `tp_${randomBytes(32).toString('base64url')}`;

/** SHA-256: a key is 32 random bytes, so a slow hash would protect nothing more. */
export const hashKey = (key: string) => createHash('sha256').update(key).digest();

/** A key's first characters, to tell keys apart. */
export const prefixOf = (key: string) => key.slice(0, PREFIX_LENGTH);
