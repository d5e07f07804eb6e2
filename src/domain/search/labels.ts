import { sql } from 'kysely';
import type { Db } from '../../postgres/database.js';
import { type EmailFilter, type IdRange, matches, within } from './filter.js';
import type { FoundEmail, FoundPage } from './found.js';
import { HAS_LABELS } from './indexes.js';

/** An id's first six hexadecimal digits are its span: 2^24 ms, 4.7 hours. */
const SPAN_DIGITS = 6;
/** Spans asked in one statement, growing: what many e-mails have is found in the first, what few have takes them all. */
const AT_ONCE = [2, 8, 32, 128];

export const hasLabels = ({ tag, metadata = [] }: EmailFilter) => tag !== undefined || metadata.length > 0;

/** The words behind the numbers that the index `emails_by_label` holds; the function `email_labels` makes the same. */
const labelsOf = ({ tag, metadata = [] }: EmailFilter): string[] => [
  ...(tag === undefined ? [] : [`t${tag}`]),
  ...metadata.map(([name, value]) => `m${name}=${value}`),
];

/**
 * E-mails with labels, the newest first: the index is asked span by span, so that no look concerns more e-mails than
 * are accepted in one span.
 */
export async function findByLabel(db: Db, filter: EmailFilter, range: IdRange, limit: number): Promise<FoundPage> {
  const spans = spansOf(range);
  const emails: FoundEmail[] = [];
  let asked = 0;
  for (const count of AT_ONCE) {
    const next = spans.slice(asked, asked + count);
    if (next.length === 0) break;
    emails.push(...(await findInSpans(db, filter, range, next, limit - emails.length)));
    asked += next.length;
    if (emails.length === limit) return { emails, before: emails.at(-1)?.id };
  }
  return { emails, before: asked < spans.length ? floorOf(spans[asked - 1] ?? 0) : undefined };
}

async function findInSpans(
  db: Db,
  filter: EmailFilter,
  range: IdRange,
  spans: readonly number[],
  limit: number,
): Promise<FoundEmail[]> {
  const keys = labelsOf(filter).map((label) => sql`span.number << 32 | (hashtext(${label})::bigint & 4294967295)`);
  const bounds = [spans, spans.map(floorOf), spans.map((span) => floorOf(span + 1))];
  const { rows } = await sql<FoundEmail>`
    select * from (
      select e.id, e.client_id, e.status, e.priority, e.sender, e.receiver, e.subject, e.tags, e.created_at,
        e.deadline_at, e.sent_at, e.provider
      from unnest(${bounds[0]}::bigint[], ${bounds[1]}::uuid[], ${bounds[2]}::uuid[]) as span (number, floor, ceiling)
        cross join lateral (
          select * from emails e
          where ${sql.raw(HAS_LABELS)} and email_labels(id, tags, metadata) @> array[${sql.join(keys)}]
            and id >= span.floor and id < span.ceiling and ${within('id', range)} and ${matches(filter)}
          order by id desc limit ${limit}) e
      ) as found order by id desc limit ${limit}`.execute(db);
  return rows;
}

const floorOf = (span: number) => {
  const digits = span.toString(16).padStart(SPAN_DIGITS, '0');
  return `${digits}00-0000-0000-0000-000000000000`;
};

const spanOf = (id: string) => Number.parseInt(id.slice(0, SPAN_DIGITS), 16);

/** The spans of a range, the newest first. */
function spansOf({ from, before }: IdRange): number[] {
  const first = spanOf(from);
  const last = spanOf(before);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => last - index);
}
