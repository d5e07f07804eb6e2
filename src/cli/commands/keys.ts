import { type Api, UsageError } from '../api.js';
import { type Commands, need, path, type Values } from '../command.js';
import { table } from '../format.js';
import { ratesOf } from './rates.js';

interface Key {
  readonly id: string;
  readonly prefix: string;
  readonly name: string | null;
  readonly operator: boolean;
  readonly role: string | null;
  readonly scopes: readonly string[];
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** A key that was just made: the only time that it is told. */
type NewKey = Key & { readonly key: string };

/** Has a key made for a client. @param terms what it is to be, as the API takes them. */
export const addKey = (api: Api, clientId: string, terms: object = {}) =>
  api.call<NewKey>('POST', path`/api/clients/${clientId}/keys`, terms);

/** What to say of a new key. */
export const keyText = ({ key, operator }: NewKey) =>
  `${key}\n\nThis is the ${operator ? 'operator’s ' : ''}API key. It is shown only now: keep it in a safe place.`;

const UNITS_MS = { h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of `12h` or `90d`; undefined for anything else. */
function durationMs(text: string): number | undefined {
  const [, count, unit] = /^(\d+)([hd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNITS_MS[unit as 'h' | 'd'];
}

const list = (text: string | undefined) => text?.split(',').map((item) => item.trim());

/** What the options say that a key is to be. */
function termsOf(values: Values): object {
  const { name, operator, role, scope, allow, expires } = values;
  const lifeMs = expires === undefined ? undefined : durationMs(expires);
  const expires_at = lifeMs === undefined ? expires : new Date(Date.now() + lifeMs).toISOString();
  const given = { name, operator, role, scopes: list(scope), allowed_addresses: list(allow), expires_at };
  const rate_limits = ratesOf(values);
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(Object.keys(rate_limits).length > 0 && { rate_limits }),
  };
}

const client = (word: string | undefined) => need(word, 'The client’s id');

export const keyCommands: Commands = {
  keys: {
    usage: 'CLIENT',
    summary: 'the API keys of a client',
    example: 'tempost keys 019a…',
    words: 1,
    async run(api, [word]) {
      const json = await api.call<{ keys: readonly Key[] }>('GET', path`/api/clients/${client(word)}/keys`);
      const rows = json.keys.map((key) => [
        key.id,
        `${key.prefix}…`,
        key.name,
        key.role ?? key.scopes.join(','),
        key.operator ? 'operator' : 'client',
        key.created_at,
        key.last_used_at,
        key.expires_at,
        key.revoked_at,
      ]);
      const headings = ['id', 'begins with', 'name', 'may', 'of', 'since', 'last used', 'expires', 'revoked'];
      return { json, text: rows.length > 0 ? table(headings, rows) : 'No keys.' };
    },
  },
  'keys add': {
    usage: 'CLIENT [--scope LIST] [--role ROLE] [--name NAME] [--expires WHEN] [--allow LIST] [--rate N] [--burst N]',
    summary: 'a new API key for a client, or for an operator',
    example: 'tempost keys add 019a… --scope send --expires 90d',
    words: 1,
    options: ['scope', 'role', 'name', 'expires', 'allow', 'operator', 'rate', 'burst', 'read-rate', 'read-burst'],
    help: `--scope LIST   what it may: send, read, content, suppressions, admin (its client's keys); default: send,read,suppressions
--role ROLE    makes it an operator’s: viewer, operator or admin; needs --name
--operator     the same as --role admin
--name NAME    whose it is, or what for
--expires WHEN 90d, 12h, or a moment such as 2030-01-01T00:00:00Z
--allow LIST   addresses and blocks it is taken from: 192.0.2.7,10.0.0.0/8
--rate N, --burst N            submissions of this key alone; see tempost clients set --help
--read-rate N, --read-burst N  its other requests`,
    async run(api, [word], values) {
      const json = await addKey(api, client(word), termsOf(values));
      return { json, text: keyText(json) };
    },
  },
  'keys rotate': {
    usage: 'CLIENT KEY [--overlap HOURS]',
    summary: 'a new key in the place of one, which ends after a while',
    example: 'tempost keys rotate 019a… 019b… --overlap 7d',
    words: 2,
    options: ['overlap'],
    help: `--overlap HOURS  how long both are taken, as 24h or 7d; default: 24h`,
    async run(api, [word, key], { overlap = '24h' }) {
      const overlapMs = durationMs(overlap);
      if (overlapMs === undefined) throw new UsageError(`"${overlap}" is not a time such as 24h or 7d.`);
      const at = path`/api/clients/${client(word)}/keys/${need(key, 'The key’s id')}/rotate`;
      const json = await api.call<NewKey & { readonly replaces: Key }>('POST', at, {
        overlap_hours: overlapMs / UNITS_MS.h,
      });
      return { json, text: `${keyText(json)}\nThe old one is taken until ${json.replaces.expires_at}.` };
    },
  },
  'keys revoke': {
    usage: 'CLIENT KEY',
    summary: 'a key is not taken any more, from now on and for good',
    example: 'tempost keys revoke 019a… 019b…',
    words: 2,
    async run(api, [word, key]) {
      const id = need(key, 'The key’s id');
      await api.call('DELETE', path`/api/clients/${client(word)}/keys/${id}`);
      return { json: { id, revoked: true }, text: `The key ${id} is revoked.` };
    },
  },
};
