import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadSubmission } from './read-submission.js';

/** Hashed at once: a millisecond or two. Nearly every submission is smaller. */
const CHARACTERS_A_TURN = 128 * 1024;

/** SHA-256 of everything that was submitted, as JSON. Two bodies of 5 MB took 100 ms at once: others get their turn. */
export async function hashOf({ submitted, attachment }: Pick<ReadSubmission, 'submitted' | 'attachment'>) {
  const file = attachment && [attachment.filename, attachment.contentType, attachment.sha256];
  const hash = createHash('sha256');
  let pending = '';
  for (const piece of jsonOf([submitted, file])) {
    pending += piece;
    if (pending.length < CHARACTERS_A_TURN) continue;
    hash.update(pending);
    pending = '';
    await nextTurn();
  }
  return hash.update(pending).digest();
}

/** What `JSON.stringify` writes, in pieces: a long text is in several. */
function* jsonOf(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    yield '[';
    for (const [index, item] of value.entries()) {
      if (index > 0) yield ',';
      yield* jsonOf(item);
    }
    yield ']';
  } else if (typeof value === 'string') yield* jsonOfText(value);
  else yield JSON.stringify(value) ?? 'null';
}

function* jsonOfText(text: string): Generator<string> {
  yield '"';
  for (let at = 0; at < text.length; ) {
    let end = at + CHARACTERS_A_TURN;
    // The halves of a letter stay together: alone each would be written as an escape.
    while (isFirstHalf(text.charCodeAt(end - 1))) end++;
    yield JSON.stringify(text.slice(at, end)).slice(1, -1);
    at = end;
  }
  yield '"';
}

/** Of a letter that takes two UTF-16 units. */
const isFirstHalf = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
