import type { Hold } from '../../domain/holds/holds.js';
import type { Api } from '../api.js';
import { type Commands, need, type Output, path } from '../command.js';
import { since, table } from '../format.js';

export interface Holds {
  readonly holds: readonly (Hold & { readonly who: string | null })[];
}

/** Which mail is held, a line each. */
export function holdTable({ holds }: Holds): string {
  const rows = holds.map((hold) => [
    hold.id,
    termsOf(hold),
    hold.held,
    since(String(hold.created_at)),
    hold.who,
    hold.reject ? 'refused' : 'accepted',
    hold.reason,
  ]);
  return table(['hold', 'mail', 'held', 'for', 'by', 'submissions', 'reason'], rows);
}

function termsOf({ client_id, sender_domain, receiver_domain, tag, priority }: Hold): string {
  const terms = {
    client: client_id,
    'sender domain': sender_domain,
    'receiver domain': receiver_domain,
    tag,
    priority,
  };
  return Object.entries(terms)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

async function listed(api: Api): Promise<Output> {
  const json = await api.call<Holds>('GET', '/api/admin/holds');
  return { json, text: json.holds.length > 0 ? holdTable(json) : 'Nothing is held.' };
}

export const holdCommands: Commands = {
  hold: {
    usage: '[--client ID] [--sender-domain D] [--receiver-domain D] [--tag T] [--priority P] [--reject] --reason TEXT',
    summary: 'stop what belongs to a client, a domain or a tag; it is accepted and waits, nothing is lost',
    example: "tempost hold --receiver-domain example.org --reason 'their server is down'",
    words: 0,
    options: ['client', 'sender-domain', 'receiver-domain', 'tag', 'priority', 'reject', 'reason'],
    help: `What is given has to be so, all of it. The time does not count against any e-mail's lifetime. A call to a
provider that is under way is finished. With --reject submissions are refused instead (503).`,
    async run(api, _words, { client, tag, priority, reject, reason, ...domains }) {
      await api.call('POST', '/api/admin/holds', {
        ...{ client, tag, priority, reject, reason: need(reason, '--reason') },
        ...{ sender_domain: domains['sender-domain'], receiver_domain: domains['receiver-domain'] },
      });
      return listed(api);
    },
  },
  holds: {
    usage: '',
    summary: 'which mail is held, and how much',
    example: 'tempost holds',
    words: 0,
    run: listed,
  },
  release: {
    usage: 'HOLD',
    summary: 'send on what was held',
    example: 'tempost release 019a…',
    words: 1,
    async run(api, [id]) {
      await api.call('DELETE', path`/api/admin/holds/${need(id, 'The hold’s id')}`);
      return listed(api);
    },
  },
};
