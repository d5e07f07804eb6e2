/** What somebody looks for, as it stands in the address of the screen: so that it can be handed on. */
export interface Query {
  readonly q: string;
  readonly status: string;
  readonly priority: string;
  readonly from: string;
  readonly to: string;
}

const NAMES = ['q', 'status', 'priority', 'from', 'to'] as const;

export function readQuery(search: string): Query {
  const given = new URLSearchParams(search);
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ''])) as unknown as Query;
}

export function writeQuery(query: Query): string {
  const given = NAMES.flatMap((name) => (query[name] ? [[name, query[name]]] : []));
  return new URLSearchParams(given).toString();
}

/** What the words in the box are. */
export type Meaning =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'email'; readonly id: string }
  | { readonly kind: 'filter'; readonly filter: Readonly<Record<string, string>>; readonly words: string }
  | { readonly kind: 'name'; readonly name: string };

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
const UUID_ALONE = new RegExp(`^(?:email-)?(${UUID.source})$`, 'i');
/** Ours are `<id.generation@domain>`. */
const MESSAGE_ID = new RegExp(`^<?(${UUID.source})[.]\\d+@[^\\s>]+>?$`, 'i');
const PREFIXED = /^(from|to|tag|client):\s*(.+)$/i;

/**
 * An e-mail's id, or its workflow's; a Message-ID; an address, of a receiver unless it says `from:`; `tag:` and `client:`.
 * Any other word is a client's name or a tag.
 */
export function meaningOf(text: string): Meaning {
  const words = text.trim();
  if (!words) return { kind: 'nothing' };
  const id = (UUID_ALONE.exec(words) ?? MESSAGE_ID.exec(words))?.[1];
  if (id) return { kind: 'email', id: id.toLowerCase() };
  const [, prefix, value] = PREFIXED.exec(words) ?? [];
  if (value) return filterOf(prefix!.toLowerCase(), value.trim());
  if (words.includes('@')) return { kind: 'filter', filter: { receiver: words }, words: `to ${words}` };
  return { kind: 'name', name: words };
}

function filterOf(prefix: string, value: string): Meaning {
  if (prefix === 'client' && !UUID.test(value)) return { kind: 'name', name: value };
  const field = { from: 'sender', to: 'receiver', tag: 'tag', client: 'client' }[prefix]!;
  return { kind: 'filter', filter: { [field]: value }, words: `${prefix} ${value}` };
}
