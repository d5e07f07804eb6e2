import type { ColumnType, Generated } from 'kysely';

// Clients and their keys.

export interface ClientTable {
  id: Generated<string>;
  name: string;
  created_at: Generated<Date>;
  disabled_at: Date | null;
  /** Whether senders are told of failures by e-mail. */
  failure_notices: Generated<boolean>;
  /** Whether opens are tracked, where an e-mail does not say. */
  track_opens: Generated<boolean>;
  daily_limit_critical: Generated<number>;
  daily_limit_medium: Generated<number>;
  daily_limit_low: Generated<number>;
  /** Whether it may send as anybody; else as `client_senders` say. */
  any_sender: Generated<boolean>;
  /** Requests a second, and at once; null: no limit. So for keys. */
  send_rate: number | null;
  send_burst: number | null;
  read_rate: number | null;
  read_burst: number | null;
  /** For how many days contents, and records, are kept. Null: as configured; 0: for good. */
  content_days: number | null;
  record_days: number | null;
}

export interface ApiKeyTable {
  id: Generated<string>;
  client_id: string;
  /** SHA-256 of the key: a key is 32 random bytes, so a slow hash would protect nothing more. */
  key_hash: Buffer;
  /** The first characters, to tell keys apart in lists. */
  prefix: string;
  created_at: Generated<Date>;
  revoked_at: Date | null;
  /** An administrator's, for the release before; `role` says it. */
  operator: Generated<boolean>;
  name: string | null;
  /** An operator's key; null with `operator` is one that the release before has made: an administrator's. */
  role: 'viewer' | 'operator' | 'admin' | null;
  /** What a client's key may do; nothing of an operator's. */
  scopes: ColumnType<KeyScope[], KeyScope[] | undefined, KeyScope[]>;
  /** Addresses and CIDR blocks it is taken from; none: from everywhere. */
  allowed_addresses: ColumnType<string[], string[] | undefined, string[]>;
  expires_at: Date | null;
  /** To the minute. */
  last_used_at: Date | null;
  /** The key that it was rotated to. */
  replaced_by: string | null;
  send_rate: number | null;
  send_burst: number | null;
  read_rate: number | null;
  read_burst: number | null;
  /** Given by the configuration: it ends when that names another one, and is back when it is named again. */
  bootstrap: Generated<boolean>;
}

/** Somebody who signs in by OpenID Connect: a row among the keys, of a key that nobody has. */
export interface PersonTable {
  key_id: string;
  issuer: string;
  subject: string;
  /** The row was revoked, and they have come back as another one. */
  former: Generated<boolean>;
}

export type KeyScope = 'send' | 'read' | 'content' | 'suppressions' | 'admin';

/** Tokens that are left of a rate, as of `filled_at`. Unlogged; the columns after it are what was last asked. */
export interface RateBucketTable {
  /** A client, or a key. */
  owner: string;
  kind: string;
  tokens: number;
  filled_at: Date;
  rate: number;
  burst: number;
  granted: number;
}
