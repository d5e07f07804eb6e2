import type { Suppression } from '../../domain/suppressions/suppressions.js';
import { type Commands, need, path, query } from '../command.js';
import { table } from '../format.js';

interface Page {
  readonly suppressions: readonly (Omit<Suppression, 'created_at'> & { readonly created_at: string })[];
  readonly next_cursor: string | null;
}

export const suppressionCommands: Commands = {
  suppressions: {
    usage: '[--address ADDRESS] [--reason REASON] [--client ID] [--limit N]',
    summary: 'addresses that a client must not write to',
    example: 'tempost suppressions --reason bounced',
    words: 0,
    options: ['address', 'reason', 'client', 'limit'],
    help: `--reason bounced|complained|unsubscribed|manual
--client ID    of another client than the key's own
--limit N      default: 100, at most 1000`,
    async run(api, _, { address, reason, client, limit }) {
      const json = await api.call<Page>('GET', `/api/suppressions${query({ address, reason, client, limit })}`);
      const rows = json.suppressions.map((each) => [each.address, each.reason, each.created_at, each.email_id]);
      const more = json.next_cursor ? ['', 'There are more: --limit N shows more of them.'] : [];
      const list = rows.length > 0 ? table(['address', 'reason', 'since', 'e-mail'], rows) : 'No suppressions.';
      return { json, text: [list, ...more].join('\n') };
    },
  },
  'suppressions add': {
    usage: 'ADDRESS [--client ID]',
    summary: 'never write to an address',
    example: 'tempost suppressions add ada@example.org',
    words: 1,
    options: ['client'],
    async run(api, [word], { client }) {
      const address = need(word, 'The address');
      const json = await api.call<{ reason: string }>('POST', '/api/suppressions', { address, client });
      return { json, text: `${address} is suppressed (${json.reason}).` };
    },
  },
  'suppressions remove': {
    usage: 'ADDRESS [--client ID]',
    summary: 'allow an address again',
    example: 'tempost suppressions remove ada@example.org',
    words: 1,
    options: ['client'],
    async run(api, [word], { client }) {
      const address = need(word, 'The address');
      await api.call('DELETE', path`/api/suppressions/${address}` + query({ client }));
      return { json: { address, removed: true }, text: `${address} may be written to again.` };
    },
  },
};
