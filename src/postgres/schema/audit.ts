import type { Generated } from 'kysely';
import type { JsonObject } from './json.js';

export interface AuditLogTable {
  id: Generated<number>;
  at: Generated<Date>;
  /** By which way: `api`, `cli`, or `temporal`. */
  source: 'api' | 'cli' | 'console' | 'temporal';
  client_id: string | null;
  client_name: string | null;
  key_id: string | null;
  key_name: string | null;
  /** Of an operator's key; null: a client's, or none. */
  role: string | null;
  address: string | null;
  /** The request's `X-Request-Id`. */
  request_id: string | null;
  action: string;
  target_kind:
    | 'queue'
    | 'provider'
    | 'client'
    | 'key'
    | 'email'
    | 'dead_letter'
    | 'hold'
    | 'job'
    | 'routing'
    | 'person'
    | 'sender'
    | 'suppression';
  target_id: string;
  before: JsonObject | null;
  after: JsonObject | null;
  reason: string | null;
  /** Of what may be noticed more than once: written only once. */
  event_key: string | null;
}
