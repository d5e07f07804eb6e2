import { ROLES, type Role } from '../../../domain/clients/access.js';
import type { OpenIdSettings } from '../../../open-id-settings.js';

/** What an identity provider says of somebody. */
export type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string };

/** The highest role that a person's claims give; null: none, and they are not let in. */
export function roleIn(
  claims: Claims,
  { roleClaim, values }: Pick<OpenIdSettings, 'roleClaim' | 'values'>,
): Role | null {
  const theirs = new Set(textsOf(claimIn(claims, roleClaim)));
  return ROLES.filter((role) => values[role].some((value) => theirs.has(value))).at(-1) ?? null;
}

/** A claim by its name, which may have dots in it, or else by the names on the way to it. */
function claimIn(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((within, part) => {
    const isThere = typeof within === 'object' && within !== null && Object.hasOwn(within, part);
    return isThere ? (within as Record<string, unknown>)[part] : undefined;
  }, claims);
}

/** One text is one value, spaces and all; of a list, the texts. */
const textsOf = (claim: unknown): readonly string[] =>
  (Array.isArray(claim) ? claim : [claim]).filter((each) => typeof each === 'string');

const NAMES = ['name', 'preferred_username', 'email', 'sub'] as const;
const LONGEST_NAME = 100;

/** What others call somebody: one line, that is short enough for a list. */
export function nameIn(claims: Claims): string {
  const names = NAMES.map((claim) => claims[claim])
    .filter((each) => typeof each === 'string')
    .map((each) => [...each.replaceAll(/[\p{C}\p{Z}]+/gu, ' ').trim()].slice(0, LONGEST_NAME).join(''));
  return names.find(Boolean) ?? 'somebody';
}

/** What the client of an issuer's persons is called: its address without the beginning. */
export const clientNameOf = (issuer: string): string =>
  issuer
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .slice(0, LONGEST_NAME);
