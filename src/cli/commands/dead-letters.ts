import { type Api, UsageError } from '../api.js';
import { type Commands, need, type OptionName, type Output, path, query, type Values } from '../command.js';
import { facts, since, table } from '../format.js';

interface DeadLetter {
  readonly id: string;
  readonly priority: string;
  readonly reason: string;
  readonly code: string | null;
  readonly provider: string | null;
  readonly receiver: string;
  readonly subject: string;
  readonly died_at: string;
  readonly resolution: string | null;
}
interface Page {
  readonly dead_letters: readonly DeadLetter[];
  readonly next_cursor: string | null;
}
interface Retried {
  readonly matching: number;
  readonly retried: number;
  readonly skipped: number;
}

const FILTERS = ['priority', 'reason', 'provider', 'code', 'client', 'receiver-domain', 'from', 'to'] as const;
const FILTER_HELP = `--priority critical|medium|low
--reason lifetime_over|ambiguous|stopped_in_temporal
--provider NAME, --code CODE   of the last attempt
--client ID
--receiver-domain DOMAIN
--from TIME, --to TIME         when it died; RFC 3339 with an offset`;

/** The filters given, by the names of the API. */
function filtersOf(values: Values): Record<string, string> {
  const given = FILTERS.flatMap((name) => (values[name] === undefined ? [] : [[name.replace('-', '_'), values[name]]]));
  return Object.fromEntries(given);
}

async function list(api: Api, values: Values): Promise<Output> {
  const { state, limit } = values;
  const json = await api.call<Page>('GET', `/api/dead-letters${query({ ...filtersOf(values), state, limit })}`);
  if (json.dead_letters.length === 0) return { json, text: 'No dead letters.' };
  const rows = json.dead_letters.map((letter) => [
    letter.id,
    since(letter.died_at),
    letter.priority,
    letter.reason,
    letter.provider,
    letter.code,
    letter.receiver,
    letter.subject,
    letter.resolution,
  ]);
  const headings = ['id', 'dead for', 'priority', 'reason', 'provider', 'code', 'to', 'subject', 'resolution'];
  const more = json.next_cursor ? ['', 'There are more: --limit N shows more of them, filters fewer.'] : [];
  return { json, text: [table(headings, rows), ...more].join('\n') };
}

/** One request retries a thousand at most; this goes on until none is left that can be retried. */
async function retryAll(api: Api, values: Values): Promise<Output> {
  const filters = filtersOf(values);
  const isAll = values.all === true;
  if (isAll === Object.keys(filters).length > 0) {
    throw new UsageError('Say which: either filters, or --all for every dead letter.');
  }
  const body = { ...filters, ...(isAll && { all: true }), through: values.through };
  if (values['dry-run']) {
    const json = await api.call<Retried>('POST', '/api/dead-letters/retry', { ...body, dry_run: true });
    return { json, text: `${json.matching} dead letters would be retried.` };
  }
  const sum = { matching: 0, retried: 0, skipped: 0 };
  for (;;) {
    const { matching, retried, skipped } = await api.call<Retried>('POST', '/api/dead-letters/retry', body);
    sum.matching ||= matching;
    sum.retried += retried;
    sum.skipped = skipped;
    if (retried === 0 || retried + skipped >= matching) break;
  }
  return { json: sum, text: facts(Object.entries(sum)) };
}

const LIST_OPTIONS: readonly OptionName[] = [...FILTERS, 'state', 'limit'];

export const deadLetterCommands: Commands = {
  dead: {
    usage: '[filters] [--state open|resolved|all] [--limit N]',
    summary: 'dead letters, the oldest first',
    example: 'tempost dead --priority low --receiver-domain example.org',
    words: 0,
    options: LIST_OPTIONS,
    help: `${FILTER_HELP}
--state open|resolved|all      default: open, those that nobody has dealt with
--limit N                      default: 50, at most 200`,
    run: (api, _, values) => list(api, values),
  },
  'dead retry': {
    usage: '[filters | --all] [--through PROVIDER] [--dry-run]',
    summary: 'begin a new life for all dead letters of a kind; for one, see retry',
    example: 'tempost dead retry --reason lifetime_over --dry-run',
    words: 0,
    options: [...FILTERS, 'all', 'through', 'dry-run'],
    help: `${FILTER_HELP}
--all                          every one
--through PROVIDER             send them through this provider and no other
--dry-run                      only count them`,
    run: (api, _, values) => retryAll(api, values),
  },
  'dead discard': {
    usage: 'ID',
    summary: 'put a dead letter away; its history stays',
    example: 'tempost dead discard 019a…',
    words: 1,
    async run(api, [word]) {
      const id = need(word, 'The e-mail’s id');
      const json = await api.call<{ resolution: string }>('POST', path`/api/dead-letters/${id}/discard`);
      return { json, text: `${id} is ${json.resolution}.` };
    },
  },
};
