import type { Api } from '../api.js';
import { type Commands, need, path } from '../command.js';
import { table } from '../format.js';

interface Key {
  readonly id: string;
  readonly prefix: string;
  readonly operator: boolean;
  readonly created_at: string;
  readonly revoked_at: string | null;
}

/** A key that was just made: the only time that it is told. */
type NewKey = Key & { readonly key: string };

/** Has a key made for a client. */
export const addKey = (api: Api, clientId: string, operator = false) =>
  api.call<NewKey>('POST', path`/api/clients/${clientId}/keys`, { operator });

/** What to say of a new key. */
export const keyText = ({ key, operator }: NewKey) =>
  `${key}\n\nThis is the ${operator ? 'operator’s ' : ''}API key. It is shown only now: keep it in a safe place.`;

const client = (word: string | undefined) => need(word, 'The client’s id');

export const keyCommands: Commands = {
  keys: {
    usage: 'CLIENT',
    summary: 'the API keys of a client',
    words: 1,
    async run(api, [word]) {
      const json = await api.call<{ keys: readonly Key[] }>('GET', path`/api/clients/${client(word)}/keys`);
      const rows = json.keys.map((key) => [
        key.id,
        `${key.prefix}…`,
        key.operator ? 'operator' : 'client',
        key.created_at,
        key.revoked_at,
      ]);
      const list = table(['id', 'begins with', 'of', 'since', 'revoked'], rows);
      return { json, text: rows.length > 0 ? list : 'No keys.' };
    },
  },
  'keys add': {
    usage: 'CLIENT [--operator]',
    summary: 'a new API key for a client',
    words: 1,
    options: ['operator'],
    help: '--operator  it may administer the whole system',
    async run(api, [word], { operator }) {
      const json = await addKey(api, client(word), operator);
      return { json, text: keyText(json) };
    },
  },
  'keys revoke': {
    usage: 'CLIENT KEY',
    summary: 'a key is not taken any more, from now on and for good',
    words: 2,
    async run(api, [word, key]) {
      const id = need(key, 'The key’s id');
      await api.call('DELETE', path`/api/clients/${client(word)}/keys/${id}`);
      return { json: { id, revoked: true }, text: `The key ${id} is revoked.` };
    },
  },
};
