import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Migration } from 'kysely';
import { describe, expect, it } from 'vitest';
import { recordStatements } from './support/migrations/record.js';
import { checkMigration, type Marks } from './support/migrations/rules.js';

const folder = fileURLToPath(new URL('../migrations/', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''))
  .sort();

interface Release {
  readonly version: string;
  /** Its last migration. */
  readonly newest: string;
}
const releases = JSON.parse(
  readFileSync(new URL('./support/migrations/released.json', import.meta.url), 'utf8'),
) as Release[];
/** The migrations of releases before the one that a migration is in. */
const releasedBefore = (name: string) => {
  const newest = releases.map((release) => release.newest).filter((one) => one < name);
  return new Set(names.filter((one) => newest.some((last) => one <= last)));
};

describe('the release before can run on the schema of this one, and traffic goes on while it is made', () => {
  it.each(names)('%s', async (name) => {
    const migration = (await import(`${folder}${name}.ts`)) as Migration & Marks;
    expect(checkMigration(await recordStatements(migration), migration, releasedBefore(name))).toEqual([]);
  });

  it('every release that is listed ends with a migration that is there', () => {
    for (const { version, newest } of releases) expect(names, version).toContain(newest);
  });
});

const check = (sql: string | string[], marks: Marks = {}, released: string[] = []) =>
  checkMigration([sql].flat(), marks, new Set(released));

describe('refused: what the release before cannot run on', () => {
  it.each([
    ['a table dropped', 'drop table holds', 'drops'],
    ['an index dropped', 'drop index concurrently if exists emails_by_sender', 'drops'],
    ['a trigger dropped', 'drop trigger keep on emails', 'drops'],
    ['a column dropped', 'alter table emails drop column subject', 'drops a column'],
    ['a column dropped without the word', 'ALTER TABLE emails\n  DROP subject', 'drops a column'],
    [
      'a column dropped beside one added',
      'alter table emails add column a numeric(9, 2), drop column b',
      'drops a column',
    ],
    ['a table renamed', 'alter table holds rename to stops', 'renames'],
    ['a column renamed', 'alter table "emails" rename column subject to title', 'renames'],
    ['an index renamed', 'alter index emails_by_sender rename to other', 'renames'],
    ['a type narrowed', 'alter table emails alter column subject type varchar(100)', 'changes a type'],
    ['a type changed in long', 'alter table emails alter subject set data type varchar(100)', 'changes a type'],
    ['not null on a column that is there', 'alter table emails alter column reply_to set not null', 'refuses null'],
    ['a column that is to be filled', 'alter table clients add column plan text not null', 'does not fill'],
    ['a default taken', 'alter table clients alter column any_sender drop default', 'takes a default'],
    ['a unique constraint', 'alter table clients add constraint one unique (name, plan)', 'is unique'],
    ['a unique column', 'alter table clients add column slug text unique', 'is unique'],
    ['a unique index', 'create unique index concurrently one on clients (name)', 'is unique'],
    ['a constraint that an upsert names', 'alter table clients drop constraint clients_name_key', 'drops a constraint'],
    ['rows removed', "delete from statuses where name = 'dead'", 'removes rows'],
    ['a table emptied', 'truncate table webhook_tokens', 'removes rows'],
    ['a partition detached', 'alter table emails detach partition emails_202601', 'drops'],
    ['the second of two statements', 'select 1; drop table holds', 'drops'],
  ])('%s', (_, sql, why) => expect(check(sql)).toEqual([expect.stringContaining(why)]));
});

describe('refused: what keeps a large table for longer than a moment', () => {
  it.each([
    ['a check over rows that are there', 'alter table emails add constraint c check (size > 0)', 'not valid'],
    ['a foreign key over them', 'alter table emails add foreign key (client_id) references clients (id)', 'not valid'],
    ['an index built in the usual way', 'create index emails_by_tag on emails using gin (tags)', 'nobody writes'],
    [
      'a default worked out for each row',
      'alter table emails add column token uuid not null default uuidv4()',
      'rewrites',
    ],
    [
      'a column that is generated',
      'alter table emails add column d text generated always as (lower(s)) stored',
      'rewrites',
    ],
    ['every row written', "update emails set status = 'queued'", 'every row'],
    ['what no rule can read', 'do $$ begin execute x; end $$', 'no rule'],
    [
      'a rule replaced',
      `alter table email_queue drop constraint c, add constraint c check (state in ('waiting'))  not valid`,
      'replaces a rule',
    ],
  ])('%s', (_, sql, why) => expect(check(sql)).toEqual([expect.stringContaining(why)]));
});

describe('allowed', () => {
  it.each([
    ['a table, with whatever it has', ['create table plans (id int primary key, name text not null unique)']],
    ['an index on a new table', ['create unlogged table plans (id int)', 'create unique index p on plans (id)']],
    ['a column that may be null', ['alter table emails add column traceparent text']],
    ['one with a constant default', ["alter table clients add column plan text not null default 'drop table'"]],
    ['one whose default comes first', ['alter table clients add column n int default 0 not null']],
    ['a check that is not validated yet', ['alter table emails add constraint c check (size > 0) not valid']],
    ['its validation', ['alter table emails validate constraint c']],
    ['a check on a small table', ['alter table clients add constraint c check (rate > 0)']],
    ['an index that is a month’s at a time', ['create index x on only emails (sender)']],
    ['an index on a small table', ['create index x on holds (tag)']],
    ['a default given', ['alter table clients alter column name set default 0']],
    ['null allowed', ['alter table clients alter column name drop not null']],
    ['a function', ['create or replace function f() returns int language sql as $$ delete from emails $$']],
  ])('%s', (_, sql) => expect(check(sql)).toEqual([]));
});

describe('a contract step of an earlier release', () => {
  const sql = 'alter table api_keys drop column operator';
  const contract = { statement: 'drop column operator', expandedBy: '0009-access', because: 'roles hold what it said' };

  it('may take away what a release did without', () => {
    expect(check(sql, { contracts: [contract] }, ['0009-access'])).toEqual([]);
  });

  it('is refused in the release that made it dispensable: the one before still runs beside it', () => {
    expect(check(sql, { contracts: [contract] })).toEqual([expect.stringContaining('too early')]);
  });

  it('is refused without a reason, and when it concerns nothing', () => {
    const silent = { ...contract, because: 'ok' };
    expect(check(sql, { contracts: [silent] }, ['0009-access'])).toEqual([expect.stringContaining('without a reason')]);
    expect(check('select 1', { contracts: [contract] }, ['0009-access'])).toEqual([
      expect.stringContaining('concerns nothing'),
    ]);
  });

  it('is no other step’s excuse, nor one for what holds a table', () => {
    const both = [sql, 'alter table api_keys drop column prefix', "update emails set status = 'drop column operator'"];
    expect(check(both, { contracts: [contract] }, ['0009-access'])).toHaveLength(2);
  });
});
