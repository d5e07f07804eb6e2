import type { ListedAct } from '../../domain/audit/listed.js';
import { type Commands, query } from '../command.js';
import { table } from '../format.js';

type Page = { readonly acts: readonly (Omit<ListedAct, 'at'> & { readonly at: string })[] };

/** Whose key it was; nobody's is known of what was done in Temporal. */
const whoOf = ({ client_name, key_name, role }: Page['acts'][number]) =>
  client_name === null ? null : `${client_name}${key_name ? `/${key_name}` : ''}${role ? ` (${role})` : ''}`;

/** What has changed, as `name: before → after`. */
function changesOf({ before, after }: Page['acts'][number]): string {
  const text = (value: unknown) => (value === undefined || value === null ? '-' : JSON.stringify(value));
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => text(before?.[name]) !== text(after?.[name]) && name !== 'reason');
  return changed.map((name) => `${name}: ${text(before?.[name])} → ${text(after?.[name])}`).join(', ');
}

const columnsOf = (act: Page['acts'][number]) => [
  act.at.slice(0, 19).replace('T', ' '),
  whoOf(act),
  act.source,
  act.address,
  act.action,
  act.target_id,
  act.reason,
  changesOf(act),
];

export const auditCommands: Commands = {
  audit: {
    usage:
      '[--action NAME] [--kind KIND] [--target ID] [--client ID] [--key ID] [--source api|cli|console|temporal] [--from TIME] [--to TIME] [--limit N]',
    summary: 'who did what, the latest first',
    example: 'tempost audit --action queue.pause --from 2026-11-01T00:00:00Z',
    words: 0,
    options: ['action', 'kind', 'target', 'client', 'key', 'source', 'from', 'to', 'limit'],
    help: `--target takes an id, the name of a queue or a provider, or what stands in a client's list: a sender, or a
suppressed address (which is kept as a hash). --client and --key say who did it. Times are UTC.`,
    async run(api, _words, { action, kind, target, client, key, source, from, to, limit }) {
      const json = await api.call<Page>(
        'GET',
        `/api/admin/audit${query({ action, kind, target, client, key, source, from, to, limit })}`,
      );
      const headings = ['at', 'who', 'by', 'from', 'action', 'target', 'reason', 'what changed'];
      return { json, text: table(headings, json.acts.map(columnsOf)) };
    },
  },
};
