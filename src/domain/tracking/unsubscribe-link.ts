import { createHmac, timingSafeEqual } from 'node:crypto';
import { isUuid } from '../../uuid.js';

/** What an unsubscribe link names: an e-mail, as it was sent in one of its lives. */
export interface UnsubscribeReference {
  readonly emailId: string;
  /** Null in links of a release without tokens. */
  readonly generation: number | null;
  readonly token: string | null;
}

/** 128 bits: nobody guesses one. */
const TOKEN_BYTES = 16;
const REFERENCE = /^([0-9a-f-]{36})(?:\.(\d{1,5})\.([\w-]{22}))?$/i;

/**
 * The last part of an unsubscribe link: `{e-mail id}.{generation}.{token}`. The id stands in the pixel's address and in
 * the Message-ID, too, where whoever is forwarded a copy finds it; the token stands nowhere else, and only who has the
 * key can make it.
 */
export function unsubscribePath(key: Buffer, emailId: string, generation: number): string {
  return `${emailId}.${generation}.${tokenOf(key, emailId, generation)}`;
}

/** Reads it, without judging it. @returns undefined for anything of another form. */
export function readUnsubscribePath(path: string): UnsubscribeReference | undefined {
  const [, emailId, generation, token] = REFERENCE.exec(path) ?? [];
  if (!emailId || !isUuid(emailId)) return undefined;
  return {
    emailId: emailId.toLowerCase(),
    generation: generation === undefined ? null : Number(generation),
    token: token ?? null,
  };
}

/** Whether a reference carries the token that was made for it. */
export function hasItsToken(key: Buffer, { emailId, generation, token }: UnsubscribeReference): boolean {
  if (generation === null || token === null) return false;
  const expected = Buffer.from(tokenOf(key, emailId, generation));
  const given = Buffer.from(token);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const tokenOf = (key: Buffer, emailId: string, generation: number) =>
  createHmac('sha256', key)
    .update(`unsubscribe:${emailId}.${generation}`)
    .digest()
    .subarray(0, TOKEN_BYTES)
    .toString('base64url');
