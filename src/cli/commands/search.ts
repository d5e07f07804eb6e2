import type { FoundEmail } from '../../domain/search/found.js';
import type { Api } from '../api.js';
import { UsageError } from '../api.js';
import { type Commands, type OptionName, type Output, query, type Values } from '../command.js';
import { since, table } from '../format.js';
import { metadataFilters } from '../metadata.js';

/** `FoundEmail` as it is answered. */
type Found = Omit<FoundEmail, 'created_at'> & { readonly created_at: string };

interface Page {
  readonly emails: readonly Found[];
  readonly next_cursor: string | null;
}

const DEFAULT_LIMIT = 50;
/** The largest page of the API. */
const PAGE = 200;
/** Pages can be short, or empty: after so many, whoever asks should say more exactly what is looked for. */
const MOST_PAGES = 50;

const FILTERS = ['receiver', 'sender', 'status', 'priority', 'client', 'tag', 'from', 'to'] as const;

/** Reads page by page until there are as many as asked for. */
async function find(api: Api, values: Values): Promise<Output> {
  const limit = Number(values.limit ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit has to be a whole number from 1.');
  const given = Object.fromEntries(FILTERS.map((name) => [name, values[name]]));
  const filters = { ...given, metadata: metadataFilters(values.metadata) };
  const emails: Found[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES && emails.length < limit; pages++) {
    const size = String(Math.min(PAGE, limit - emails.length));
    const page = await api.call<Page>('GET', `/api/emails${query({ ...filters, limit: size, cursor })}`);
    emails.push(...page.emails);
    cursor = page.next_cursor ?? undefined;
    if (!cursor) break;
  }
  const json = { emails, next_cursor: cursor ?? null };
  const more = cursor ? 'There may be more: --limit N shows more of them, --from and --to look elsewhere.' : undefined;
  if (emails.length === 0) return { json, text: more ?? 'No e-mails.' };
  const rows = emails.map((email) => [
    email.id,
    since(email.created_at),
    email.status,
    email.priority,
    email.sender,
    email.receiver,
    email.subject,
  ]);
  const shown = table(['id', 'age', 'status', 'priority', 'from', 'to', 'subject'], rows);
  return { json, text: [shown, ...(more ? ['', more] : [])].join('\n') };
}

const OPTIONS: readonly OptionName[] = [...FILTERS, 'metadata', 'limit'];

export const searchCommands: Commands = {
  emails: {
    usage: '[filters] [--limit N]',
    summary: 'e-mails that fit, the newest first',
    example: 'tempost emails --receiver ada@example.org --status bounced',
    words: 0,
    options: OPTIONS,
    help: `--receiver ADDRESS, --sender ADDRESS
--status STATUS                such as queued, sent, delivered, bounced, dead
--priority critical|medium|low
--tag TAG
--metadata NAME=VALUE          may be given up to five times
--client ID                    for operators, who otherwise see every client's
--from TIME, --to TIME         when they were accepted; RFC 3339 with an offset (default: the last 30 days)
--limit N                      default: ${DEFAULT_LIMIT}`,
    run: (api, _, values) => find(api, values),
  },
};
