import type { Generated, JSONColumnType } from 'kysely';
import type { JsonObject } from './json.js';

// The console: sessions, addresses that sign in once, and samples of how it stood.

/** Somebody who is signed in, by the SHA-256 of what their browser keeps. */
export interface SessionTable {
  token_hash: Buffer;
  /** Whose rights it has; while the key opens nothing, neither does the session. */
  key_id: string;
  created_at: Generated<Date>;
  /** Of the last request, to the minute. */
  seen_at: Generated<Date>;
  expires_at: Date;
}

export interface SignInLinkTable {
  token_hash: Buffer;
  key_id: string;
  expires_at: Date;
}

export interface SampleTable {
  /** The beginning of its interval, so that several dispatchers write it once. */
  at: Date;
  sample: JSONColumnType<JsonObject>;
}
