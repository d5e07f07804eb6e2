import type { Api } from '../api.js';
import { type Commands, need, type Output, path } from '../command.js';
import { table } from '../format.js';

interface Senders {
  readonly senders: readonly { readonly sender: string; readonly created_at: string | null }[];
}

const at = (word: string | undefined) => path`/api/clients/${need(word, 'The client’s id')}/senders`;

function show(json: Senders): Output {
  const rows = json.senders.map(({ sender, created_at }) => [sender, created_at]);
  return { json, text: rows.length > 0 ? table(['sender', 'since'], rows) : 'It may send as nobody.' };
}

const list = async (api: Api, word: string | undefined) => show(await api.call<Senders>('GET', at(word)));

export const senderCommands: Commands = {
  senders: {
    usage: 'CLIENT',
    summary: 'the addresses and domains that a client may send as',
    example: 'tempost senders 019a…',
    words: 1,
    run: (api, [word]) => list(api, word),
  },
  'senders list': {
    usage: 'CLIENT',
    summary: 'the same',
    example: 'tempost senders list 019a…',
    words: 1,
    run: (api, [word]) => list(api, word),
  },
  'senders add': {
    usage: 'CLIENT SENDER',
    summary: 'a client may send as this one, from now on',
    example: 'tempost senders add 019a… example.com',
    words: 2,
    help: `SENDER  orders@example.com, example.com (every address of it), '*.example.com' (of every domain below it), or
        '*' for anybody`,
    run: async (api, [word, sender]) =>
      show(await api.call<Senders>('POST', at(word), { sender: need(sender, 'The sender') })),
  },
  'senders remove': {
    usage: 'CLIENT SENDER',
    summary: 'a client may not send as this one any more; what was accepted is sent',
    example: 'tempost senders remove 019a… example.com',
    words: 2,
    async run(api, [word, given]) {
      const sender = need(given, 'The sender');
      await api.call('DELETE', at(word) + path`/${sender}`);
      return { json: { sender, removed: true }, text: `It may not send as ${sender} any more.` };
    },
  },
};
