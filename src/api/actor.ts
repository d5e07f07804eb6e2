import type { Role, Scope } from '../domain/clients/access.js';
import type { Client } from '../domain/clients/keys.js';

/** Who makes a request: everything that is to be told of them, in one place. */
export interface Actor {
  readonly clientId: string;
  readonly clientName: string;
  readonly keyId: string;
  readonly keyName: string | null;
  /** An operator's; null: a client's. */
  readonly role: Role | null;
  readonly scopes: readonly Scope[];
  /** The IP address it comes from, as far as trusted proxies say it. For the record only: never for the log. */
  readonly address: string;
}

export const actorOf = ({ id, name, keyId, keyName, role, scopes }: Client, address: string): Actor => ({
  ...{ clientId: id, clientName: name, keyId, keyName, role, scopes, address },
});
