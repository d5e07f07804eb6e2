/**
 * Measures what the record costs on disk: fills a PostgreSQL of its own with e-mails as they are a day later, and
 * prints bytes by table. The figures of `docs/data.md` come from here.
 *
 *     npx tsx bench/data-size.ts [e-mails, default 100000]
 *
 * Each status change is a transaction of its own, as in real life: it rewrites the e-mail's row, and how well that
 * stays within its page is part of what is measured.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { freePort } from '../src/dev/ports.js';
import { removePostgresHome, startPostgres } from '../src/dev/postgres/server.js';
import { type Db, openDatabase } from '../src/postgres/database.js';
import { migrate } from '../src/postgres/migrate.js';

const BATCH = 2_000;
/** About how many e-mails share a page. */
const NEIGHBOURS = 13;

interface TableSize {
  readonly name: string;
  readonly rows: number;
  readonly heap: number;
  readonly outOfLine: number;
  readonly indexes: number;
}

const run = (db: Db, statement: string) => sql.raw(statement).execute(db);

/** A body of about 4 KB, built like those of a shop: rows of a table with inline styles, and words in them. */
function body(n: number): string {
  // A vocabulary whose first words come up most, and a generator that gives the same bodies on every run.
  let seed = n;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const word = () => {
    const rank = Math.floor(random() * random() * 3_000);
    return createHash('md5')
      .update(String(rank))
      .digest('hex')
      .slice(0, 2 + (rank % 9));
  };
  const style = 'padding:8px 16px;font-family:Arial,sans-serif;font-size:14px;color:#333333';
  const rows = Array.from({ length: 22 + (n % 10) }, () => {
    const text = Array.from({ length: 11 }, word).join(' ');
    return `<tr><td style="${style}">${text}</td></tr>`;
  });
  return `<!doctype html><html><body><table width="600" cellpadding="0">${rows.join('')}</table></body></html>`;
}

async function prepare(db: Db): Promise<void> {
  await run(db, 'create table bench_bodies (n integer primary key, html text not null)');
  for (let n = 1; n <= 200; n++) await sql`insert into bench_bodies values (${n}, ${body(n)})`.execute(db);
  await run(db, `insert into clients (name) values ('bench')`);
  await run(db, 'create unlogged table bench_batch (id uuid, n integer)');
}

/** One batch, from acceptance to what is known of it a day later. */
async function fill(db: Db, from: number, to: number): Promise<void> {
  await run(db, 'truncate bench_batch');
  await run(db, `insert into bench_batch select uuidv7(), n from generate_series(${from + 1}, ${to}) n`);
  await run(db, 'analyze bench_batch');
  await accept(db);
  await run(db, attempting(1, 'mailgun', 'true'));
  await changeStatus(db, 'sending', 'true');
  // One in fifty is refused by the first provider, and taken by the second.
  await answered(db, 1, 'refused', 'retrying', 'n % 50 = 0');
  await answered(db, 1, 'accepted', 'sent', 'n % 50 <> 0');
  await run(db, attempting(2, 'mandrill', 'n % 50 = 0'));
  await answered(db, 2, 'accepted', 'sent', 'n % 50 = 0');
  await heard(db, 'delivered', `'{"code":"250","message":"OK","mx_host":"mx.example.org"}'`, 'n % 100 < 98');
  await heard(db, 'bounced', `'{"code":"550","enhanced_code":"5.1.1","severity":"permanent"}'`, 'n % 100 >= 98');
  const reader = `'{"ip":"192.0.2.7","country":"NL","client":"Thunderbird","user_agent":"Mozilla/5.0 (X11; Linux x86_64)"}'`;
  await heard(db, 'opened', reader, 'n % 100 < 40');
  await heard(db, 'clicked', reader, 'n % 100 < 6');
}

async function accept(db: Db): Promise<void> {
  await run(
    db,
    `insert into emails (id, client_id, priority, sender, receiver, receiver_address, subject, content, content_type,
      metadata, tags, status, created_at, due_at, deadline_at)
    select b.id, (select id from clients), 'low', 'Example Shop <orders@example.com>', 'reader' || b.n || '@example.org',
      'reader' || b.n || '@example.org', 'Your order ' || b.n || ' is on its way', bodies.html || b.n, 'text/html',
      jsonb_build_object('order', b.n), '{shipping}', 'queued', now(), now(), now() + interval '1 hour'
    from bench_batch b join bench_bodies bodies on bodies.n = 1 + b.n % 200`,
  );
  await run(db, eventsOf('queued', 'null', 'null', `'{}'`, 'true'));
  // One e-mail in ten has an attachment; its bytes are in object storage.
  await run(
    db,
    `insert into attachments (email_id, filename, content_type, size_bytes, sha256, storage_path, stored_at)
    select id, 'invoice-' || n || '.pdf', 'application/pdf', 80000, encode(sha256(id::text::bytea), 'hex'),
      'gs:bucket/attachments/2026/11/24/' || id, now() from bench_batch where n % 10 = 0`,
  );
  await run(
    db,
    `insert into email_queue (email_id, priority, generation, state, due_at) select id, 'low', 1, 'waiting', now()
    from bench_batch`,
  );
  await run(
    db,
    `insert into idempotency_keys (client_id, key, request_hash, email_id, response)
    select (select id from clients), gen_random_uuid()::text, sha256(id::text::bytea), id, jsonb_build_object(
      'id', id, 'status', 'queued', 'priority', 'low', 'createdAt', now(), 'deadlineAt', now()) from bench_batch`,
  );
}

const attempting = (attempt: number, provider: string, which: string) => `
  with a as (insert into send_attempts (email_id, generation, attempt, provider, state, started_at, call_until)
    select id, 1, ${attempt}, '${provider}', 'calling', now(), now() from bench_batch where ${which})
  ${eventsOf('sending', String(attempt), `'${provider}'`, `'{}'`, which)}`;

async function answered(db: Db, attempt: number, state: string, status: string, which: string): Promise<void> {
  await run(
    db,
    `update send_attempts a set state = '${state}', finished_at = now(),
      provider_message_id = case when '${state}' = 'accepted' then '<' || id || '.1@mail.example.com>' end,
      code = case when '${state}' = 'refused' then 'http_503' end
    from bench_batch where email_id = id and attempt = ${attempt} and ${which}`,
  );
  await run(db, eventsOf(status, String(attempt), `'mailgun'`, `'{}'`, which));
  await changeStatus(db, status, which);
}

/** A provider's webhook: an event, the status it gives, and Mailgun's token, which is kept for a day. */
async function heard(db: Db, type: string, metadata: string, which: string): Promise<void> {
  await run(
    db,
    `insert into webhook_tokens (provider, token, body_hash)
    select 'mailgun', left(encode(sha256((id::text || '${type}')::bytea), 'hex'), 50), sha256('x') from bench_batch
    where ${which}`,
  );
  await run(
    db,
    `insert into email_events (email_id, event_key, type, generation, attempt, provider, provider_event_id,
      occurred_at, metadata)
    select id, 'mailgun:' || left(md5(id || '${type}'), 22), '${type}', 1, 1, 'mailgun',
      left(md5(id || '${type}'), 22), now(), ${metadata}::jsonb from bench_batch where ${which}`,
  );
  await changeStatus(db, type, which);
}

const eventsOf = (type: string, attempt: string, provider: string, metadata: string, which: string) => `
  insert into email_events (email_id, event_key, type, generation, attempt, provider, occurred_at, metadata)
  select id, 'tempost:g1:' || coalesce('a' || ${attempt} || ':', '') || '${type}', '${type}', 1, ${attempt}::smallint,
    ${provider}, now(), ${metadata}::jsonb from bench_batch where ${which}`;

/** In steps: neighbours in a page change one after the other, so that each finds the room that the last one left. */
async function changeStatus(db: Db, status: string, which: string): Promise<void> {
  for (let step = 0; step < NEIGHBOURS; step++) {
    await run(
      db,
      `update emails e set status = '${status}', sent_at = now(), dispatched_at = now(), provider = 'mailgun',
        provider_message_id = '<' || e.id || '.1@mail.example.com>'
      from bench_batch b where e.id = b.id and ${which} and b.n % ${NEIGHBOURS} = ${step}`,
    );
  }
}

/** The sizes of all our tables, partitions added up under their parent's name; bytes. */
async function sizes(db: Db): Promise<TableSize[]> {
  const { rows } = await sql<TableSize>`
    select coalesce(inhparent::regclass::text, relname) as name, sum(greatest(reltuples, 0))::int8 as rows,
      sum(pg_relation_size(c.oid))::int8 as heap, sum(pg_indexes_size(c.oid))::int8 as indexes,
      sum(pg_table_size(c.oid) - pg_relation_size(c.oid))::int8 as "outOfLine"
    from pg_class c left join pg_inherits on inhrelid = c.oid
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like 'bench_%'
    group by 1 order by sum(pg_total_relation_size(c.oid)) desc`.execute(db);
  return rows;
}

function print(tables: readonly TableSize[], emails: number): void {
  const gb = (bytes: number) => ((bytes / emails) * 1e6) / 1e9;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  process.stdout.write(
    line(['table', 'rows an e-mail', 'bytes an e-mail', 'rows', 'out of line', 'indexes', 'GB a million e-mails']),
  );
  process.stdout.write(line(Array(7).fill('---')));
  const all = tables.filter(({ heap, rows }) => rows > 0 && heap > 100_000);
  for (const { name, rows, heap, outOfLine, indexes } of all) {
    const bytes = heap + outOfLine + indexes;
    const each = [bytes, heap, outOfLine, indexes].map((size) => String(Math.round(size / emails)));
    process.stdout.write(line([`\`${name}\``, (rows / emails).toFixed(2), ...each, gb(bytes).toFixed(2)]));
  }
}

async function main(emails: number): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'tempost-bench-'));
  const server = await startPostgres({ home, port: await freePort(), settings: { max_wal_size: '4GB' } });
  const db = openDatabase({ url: server.url, poolSize: 1, name: 'bench', logger: { warn: () => {} } });
  try {
    await migrate(db);
    await prepare(db);
    for (let from = 0; from < emails; from += BATCH) await fill(db, from, Math.min(from + BATCH, emails));
    await run(db, 'vacuum analyze');
    const { rows } = await sql<{ bytes: number; hot: number }>`
      select (select avg(octet_length(content)) from emails)::int as bytes,
        (select sum(n_tup_hot_upd) * 100.0 / nullif(sum(n_tup_upd), 0) from pg_stat_user_tables
          where relname ~ '^emails_')::int as hot`.execute(db);
    process.stdout.write(`${emails} e-mails with contents of ${rows[0]?.bytes} bytes; `);
    process.stdout.write(`${rows[0]?.hot} % of the status changes stayed within their page.\n\n`);
    print(await sizes(db), emails);
  } finally {
    await db.destroy();
    await server.stop();
    removePostgresHome(home);
    rmSync(home, { recursive: true, force: true });
  }
}

await main(Number(process.argv[2] ?? 100_000));
