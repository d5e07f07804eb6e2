import type { ListedItem } from '../../domain/jobs/items.js';
import type { Job } from '../../domain/jobs/jobs.js';
import type { Preview } from '../../domain/jobs/preview.js';
import { type Api, UsageError } from '../api.js';
import { type Commands, need, type OptionName, type Output, path, query, type Values } from '../command.js';
import { facts, since, table } from '../format.js';
import { metadataFilters } from '../metadata.js';

/** `Job` as it is answered. */
type Shown = Omit<Job, 'created_at'> & { readonly created_at: string; readonly who: string | null };

const FILTERS = [
  ...(['receiver', 'sender', 'priority', 'client', 'tag', 'code', 'provider'] as const),
  ...(['receiver-domain', 'dead-reason', 'from', 'to'] as const),
] as const;
const FILTER_HELP = `--status A,B                   default of retry and discard: dead; of the others: all that no provider has
--receiver ADDRESS, --sender ADDRESS, --receiver-domain DOMAIN
--priority critical|medium|low, --client ID, --tag TAG, --metadata NAME=VALUE
--code CODE, --provider NAME   of the last attempt
--dead-reason lifetime_over|ambiguous|stopped_in_temporal
--from TIME, --to TIME         when it was accepted; default: the last 30 days`;

function bodyOf(kind: string, values: Values): object {
  const { status, metadata, all, rate, through, reason } = values;
  if (rate !== undefined && !/^\d+$/.test(rate)) throw new UsageError('--rate has to be a whole number.');
  const given = FILTERS.flatMap((name) => (values[name] === undefined ? [] : [[name.replace('-', '_'), values[name]]]));
  const pairs = metadataFilters(metadata)?.map((pair) => [pair.split('=', 1)[0]!, pair.slice(pair.indexOf('=') + 1)]);
  const filter = {
    ...Object.fromEntries(given),
    ...(status !== undefined && { status: status.split(',') }),
    ...(pairs && { metadata: Object.fromEntries(pairs) }),
  };
  const [receiver, domain] = [values['to-receiver'], values['to-domain']];
  return {
    ...((receiver !== undefined || domain !== undefined) && { corrected: { receiver, domain } }),
    ...{ kind, filter, through, reason: need(reason, '--reason') },
    ...(all && { all }),
    ...(rate !== undefined && { rate_per_s: Number(rate) }),
    ...(values['dry-run'] && { dry_run: true }),
  };
}

const listed = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, n) => sum + n, 0);

function previewText(preview: Preview): string {
  return facts([
    ['would be listed', preview.complete ? preview.matched : `more than ${preview.matched}`],
    ['by status', listed(preview.by_status)],
    ['by priority', listed(preview.by_priority)],
    ['by client', listed(preview.by_client)],
    ['would be skipped', listed(preview.would_skip)],
    ['for example', preview.sample.slice(0, 3).join(' ')],
  ]);
}

/** One line, for whoever follows it. */
const progressOf = ({ state, matched, counts }: Shown) =>
  [
    `${state}: ${matched} listed, ${counts.done} done`,
    `${sumOf(counts.skipped)} skipped, ${sumOf(counts.failed)} failed, ${counts.pending} to do`,
  ].join(', ');

function jobText(job: Shown): string {
  return facts([
    ['job', job.id],
    ['kind', job.kind],
    ['state', job.state],
    ['by', job.who],
    ['reason', job.reason],
    ['listed', job.matched],
    ['done', job.counts.done],
    ['skipped', listed(job.counts.skipped)],
    ['failed', listed(job.counts.failed)],
    ['to do', job.counts.pending],
    ['at most a second', job.rate_per_s],
    ['begun before', since(job.created_at)],
    ...(job.code ? [['code', job.code] as const] : []),
  ]);
}

async function begin(api: Api, kind: string, values: Values): Promise<Output> {
  const json = await api.call<{ job: Shown | null; preview: Preview | null }>(
    'POST',
    '/api/admin/jobs',
    bodyOf(kind, values),
  );
  return { json, text: json.job ? jobText(json.job) : previewText(json.preview!) };
}

async function list(api: Api, values: Values): Promise<Output> {
  const { state, kind, limit } = values;
  const json = await api.call<{ jobs: readonly Shown[] }>('GET', `/api/admin/jobs${query({ state, kind, limit })}`);
  if (json.jobs.length === 0) return { json, text: 'No jobs.' };
  const rows = json.jobs.map((job) => [
    ...[job.id, since(job.created_at), job.kind, job.state, job.matched, job.counts.done],
    ...[sumOf(job.counts.skipped), sumOf(job.counts.failed), job.who, job.reason],
  ]);
  const headings = ['job', 'age', 'kind', 'state', 'listed', 'done', 'skipped', 'failed', 'by', 'reason'];
  return { json, text: table(headings, rows) };
}

/** How often one that is followed is asked for. */
const FOLLOW_MS = 1_000;

async function* show(api: Api, id: string, isFollowed: boolean): AsyncGenerator<Output> {
  const read = () => api.call<Shown>('GET', path`/api/admin/jobs/${id}`);
  let job = await read();
  let said = '';
  while (isFollowed && (job.state === 'planning' || job.state === 'running')) {
    const text = progressOf(job);
    if (text !== said) yield { json: job, text, isPiece: true };
    said = text;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    job = await read();
  }
  yield { json: job, text: jobText(job), isPiece: isFollowed };
}

/** All of it, page by page; with `--json` a line an item, so that a long one is not held in memory. */
async function* report(api: Api, id: string, { state, code }: Values): AsyncGenerator<Output> {
  let cursor: string | undefined;
  do {
    const page: { items: readonly ListedItem[]; next_cursor: string | null } = await api.call(
      'GET',
      `${path`/api/admin/jobs/${id}/items`}${query({ state, code, limit: '1000', cursor })}`,
    );
    for (const item of page.items) {
      yield { json: item, text: [item.target, item.state, item.code ?? ''].join('  ').trimEnd(), isPiece: true };
    }
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
}

const switched =
  (verb: 'stop' | 'resume') =>
  async (api: Api, words: readonly string[], { reason }: Values) => {
    const id = need(words[0], 'The job’s id');
    const json = await api.call<Shown>('POST', path`/api/admin/jobs/${id}/${verb}`, { reason });
    return { json, text: jobText(json) };
  };

const BEGIN_OPTIONS: readonly OptionName[] = [
  ...FILTERS,
  ...(['status', 'metadata', 'all', 'through', 'to-receiver', 'to-domain'] as const),
  ...(['rate', 'dry-run', 'reason'] as const),
];

interface Month {
  readonly job: Shown | null;
  readonly emails: number;
  readonly bytes: number;
  readonly unfinished: number;
  readonly open_dead_letters: number;
  readonly examples: readonly string[];
}

async function dropMonth(api: Api, month: string, { reason, ...values }: Values): Promise<Output> {
  const body = { reason: need(reason, '--reason'), dry_run: values['dry-run'] === true };
  const json = await api.call<Month>('POST', path`/api/admin/months/${month}/drop`, body);
  if (json.job) return { json, text: jobText(json.job) };
  const text = facts([
    ['e-mails, about', json.emails],
    ['MB in the database', Math.round(json.bytes / 1_000_000)],
    ['unfinished', json.unfinished],
    ['open dead letters', json.open_dead_letters],
    ['for example', json.examples.join(' ')],
  ]);
  return { json, text };
}

export const jobCommands: Commands = {
  jobs: {
    usage: '[--state S] [--kind K] [--limit N]',
    summary: 'what goes on in the background, and what did, the newest first',
    example: 'tempost jobs --state running',
    words: 0,
    options: ['state', 'kind', 'limit'],
    help: `--state planning|running|stopped|done|failed
--kind retry|discard|cancel|reroute|drop_month|retention
--limit N                      default: 20, at most 100`,
    run: (api, _, values) => list(api, values),
  },
  'jobs start': {
    usage: 'retry|discard|cancel|reroute [filters | --all] [--through PROVIDER] [--rate N] [--dry-run] --reason TEXT',
    summary: 'retry, cancel or reroute many e-mails, or discard dead letters, in the background, each once',
    example: "tempost jobs start retry --code http_401 --reason 'the key was wrong' --dry-run",
    words: 1,
    options: BEGIN_OPTIONS,
    help: `${FILTER_HELP}
--all                          every one, instead of a filter
--through PROVIDER             this provider and no other; reroute through any undoes it
--to-receiver ADDRESS          of a retry: instead of the address that --receiver names
--to-domain DOMAIN             of a retry: behind each address instead of the one that --receiver-domain names
--rate N                       the most e-mails a second; default: 50, at most 500
--dry-run                      only say what it would do`,
    run: (api, [kind], values) => begin(api, need(kind, 'retry, discard, cancel or reroute'), values),
  },
  job: {
    usage: 'ID [--follow]',
    summary: 'a job and its progress',
    example: 'tempost job 019a… --follow',
    words: 1,
    options: ['follow'],
    help: '--follow                       say how it goes on, until it does no more',
    run: (api, [id], { follow }) => show(api, need(id, 'The job’s id'), follow === true),
  },
  'job items': {
    usage: 'ID [--state S] [--code C]',
    summary: 'a job’s report: a line an e-mail, with what became of it',
    example: 'tempost job items 019a… --state skipped',
    words: 1,
    options: ['state', 'code'],
    help: `--state pending|done|skipped|failed
--code CODE                    why it was skipped, or could not be done`,
    run: (api, [id], values) => report(api, need(id, 'The job’s id'), values),
  },
  'job stop': {
    usage: 'ID [--reason TEXT]',
    summary: 'stop a job; what it has done stays done',
    example: "tempost job stop 019a… --reason 'the wrong filter'",
    words: 1,
    options: ['reason'],
    run: switched('stop'),
  },
  'job resume': {
    usage: 'ID [--reason TEXT]',
    summary: 'go on with a stopped job where it was',
    example: 'tempost job resume 019a…',
    words: 1,
    options: ['reason'],
    run: switched('resume'),
  },
  'drop-month': {
    usage: 'YYYYMM [--dry-run] --reason TEXT',
    summary: 'drop the e-mails of a month for good, with their attachments, by a job',
    example: "tempost drop-month 202601 --reason 'kept for a year' --dry-run",
    words: 1,
    options: ['dry-run', 'reason'],
    help: `Refused while something of the month is unfinished, or has an open dead letter; it says which.
--dry-run                      only say what there is, and what keeps it`,
    run: (api, [month], values) => dropMonth(api, need(month, 'The month, as YYYYMM,'), values),
  },
};
