/**
 * Who may do what. A client's key has scopes, and concerns what is its client's; an operator's key has a role, and
 * concerns everybody's.
 */

/** What a client's key may be allowed. */
export const SCOPES = ['send', 'read', 'content', 'suppressions', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What operators may, the least first: each may what those before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The scopes of a client's key that was made without naming any, or by a release without scopes. */
export const DEFAULT_SCOPES: readonly Scope[] = ['send', 'read', 'suppressions'];

/** What something asks of whoever does it. */
export interface Access {
  /** The scope that a client's key needs; null: no client's key will do. */
  readonly scope: Scope | null;
  /** The least role that an operator's key needs. */
  readonly role: Role;
}

/** What a key may. */
export interface Holder {
  /** An operator's; null: a client's. */
  readonly role: Role | null;
  /** Of a client's key. */
  readonly scopes: readonly Scope[];
}

export type Refusal = 'operator_only' | 'insufficient_scope' | 'insufficient_role';

/** Why a key may not do something; undefined when it may. */
export function refusalOf(holder: Holder, access: Access): Refusal | undefined {
  if (holder.role) {
    return ROLES.indexOf(holder.role) < ROLES.indexOf(access.role) ? 'insufficient_role' : undefined;
  }
  if (!access.scope) return 'operator_only';
  return holder.scopes.includes(access.scope) ? undefined : 'insufficient_scope';
}
