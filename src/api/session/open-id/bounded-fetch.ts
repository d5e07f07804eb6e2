import type { CustomFetch } from 'openid-client';

/** More than any identity provider describes itself with, or says of a person. */
const MOST_BYTES = 1024 * 1024;

/** Fetches what an identity provider answers, up to a size: what is larger is not kept in memory, and is refused. */
export const boundedFetch: CustomFetch = async (url, options) => {
  const { body, status, headers } = await fetch(url, options as RequestInit);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > MOST_BYTES) throw Object.assign(new Error('the answer is too large'), { code: 'answer_too_large' });
    pieces.push(piece);
  }
  const isBare = status === 204 || status === 205 || status === 304;
  return new Response(isBare ? null : Buffer.concat(pieces), { status, headers });
};
