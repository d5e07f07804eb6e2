import type { Accepted, Contract } from '../../../src/postgres/contract.js';
import { readStatements, type Statement } from './statements.js';

/**
 * What is wrong with a step: `breaks` is what the release before cannot run on, `holds` keeps a large table, or all who
 * want it, for longer than a moment.
 */
interface Fault {
  readonly kind: 'breaks' | 'holds';
  readonly why: string;
}

/** These have a row for each e-mail or more, so that whatever reads all of one takes minutes. */
const LARGE = new Set([
  ...['emails', 'email_events', 'send_attempts', 'attachments', 'email_queue', 'idempotency_keys'],
  ...['webhook_tokens', 'late_emails', 'audit_log', 'job_items'],
]);

type Rule = readonly [pattern: RegExp, kind: Fault['kind'], why: string];

/** Of statements, whatever they concern. */
const STATEMENT_RULES: readonly Rule[] = [
  [/^drop (table|view|materialized|index|function|procedure|trigger|type|domain|sequence|schema)\b/, 'breaks', 'drops'],
  [/^truncate\b/, 'breaks', 'removes rows'],
  [/^delete from\b/, 'breaks', 'removes rows'],
  [/^alter (?!table)\w+ .*\brename\b/, 'breaks', 'renames'],
  [/^do\b/, 'holds', 'does what no rule can read'],
];

/** Of the actions of an `alter table` on a table that was there. */
const ACTION_RULES: readonly Rule[] = [
  [/^rename\b/, 'breaks', 'renames'],
  [/^set schema\b/, 'breaks', 'renames'],
  [/^detach partition\b/, 'breaks', 'drops'],
  [/^drop (?!constraint\b|default\b|not null\b|expression\b)/, 'breaks', 'drops a column'],
  [/^alter (column )?\w+ (set data )?type\b/, 'breaks', 'changes a type'],
  [/^alter (column )?\w+ set not null/, 'breaks', 'refuses null where the release before may write it'],
  [/^alter (column )?\w+ drop default/, 'breaks', 'takes a default that the release before relies on'],
  [
    /^add (constraint \w+ )?(unique|primary key|exclude)\b(?!.*using index)/,
    'breaks',
    'is unique over rows that are there',
  ],
];

/** Of an added column. */
const COLUMN_RULES: readonly Rule[] = [
  [/\b(unique|primary key)\b/, 'breaks', 'is unique over rows that are there'],
  [/\bnot null\b(?!.*\bdefault\b)(?<!\bdefault\b.*)/, 'breaks', 'adds a column that the release before does not fill'],
];

/** Volatile: such a default is worked out for every row, under a lock that nobody passes. */
const REWRITES = /\bdefault (clock_timestamp|gen_random_uuid|uuidv[47]|random|nextval)\(|\bgenerated\b/;

const isColumn = (action: string) =>
  /^add (?!constraint\b|check\b|foreign\b|unique\b|primary\b|exclude\b)/.test(action);

function faultsOf(statement: Statement, isNew: (table: string) => boolean): Fault[] {
  const { text, table, actions } = statement;
  if (table && isNew(table)) return [];
  const faults: Fault[] = [];
  const apply = (rules: readonly Rule[], to: string) => {
    for (const [pattern, kind, why] of rules) if (pattern.test(to)) faults.push({ kind, why });
  };
  apply(STATEMENT_RULES, text);
  const isLarge = table !== undefined && LARGE.has(table);
  for (const action of actions) {
    apply(ACTION_RULES, action);
    if (isColumn(action)) apply(COLUMN_RULES, action);
    if (isColumn(action) && REWRITES.test(action)) faults.push({ kind: 'holds', why: 'rewrites every row' });
    if (isLarge && /^add (constraint \w+ )?(check|foreign key)\b(?!.*not valid)/.test(action))
      faults.push({ kind: 'holds', why: 'reads every row: add it `not valid`, and validate it in a later migration' });
  }
  for (const name of droppedConstraints(actions)) faults.push(...faultsOfDropped(name, actions));
  if (/^create unique index\b/.test(text)) faults.push({ kind: 'breaks', why: 'is unique over rows that are there' });
  else if (isLarge && /^create index (?!concurrently)/.test(text) && !/ on only /.test(text))
    faults.push({
      kind: 'holds',
      why: 'nobody writes while the index is built: use createMonthIndex, or the dispatcher',
    });
  if (isLarge && /^update\b/.test(text))
    faults.push({ kind: 'holds', why: 'holds every row it changes: fill them later' });
  return faults;
}

const droppedConstraints = (actions: readonly string[]) =>
  actions.flatMap((action) => /^drop constraint (?:if exists )?(\w+)/.exec(action)?.[1] ?? []);

/** A check that is replaced in the same breath takes nothing away, if it is wider: which a person has to say. */
function faultsOfDropped(name: string, actions: readonly string[]): Fault[] {
  const isReplaced = actions.some((action) => action.startsWith(`add constraint ${name} check`));
  return [
    isReplaced
      ? { kind: 'holds', why: 'replaces a rule: say why what the release before writes still passes' }
      : { kind: 'breaks', why: 'drops a constraint, which upserts may name' },
  ];
}

/** What a migration exports beside `up`. */
export interface Marks {
  readonly contracts?: readonly Contract[];
  readonly accepts?: readonly Accepted[];
}

/**
 * Holds a migration to what lets the release before run on the new schema, and lets traffic go on meanwhile.
 *
 * @param statements what it runs, in its order.
 * @param released the migrations of earlier releases.
 * @returns faults, a sentence each.
 */
export function checkMigration(
  statements: readonly string[],
  { contracts = [], accepts = [] }: Marks,
  released: ReadonlySet<string>,
): string[] {
  const faults: string[] = [];
  const made = new Set<string>();
  const used = new Set<Accepted>();
  const covers = (mark: Accepted, text: string) => text.includes(mark.statement.toLowerCase());
  for (const statement of statements.flatMap(readStatements)) {
    const { text } = statement;
    const created = /^create (?:unlogged |temp(?:orary)? )?table (?:if not exists )?(?:public\.)?(\w+)/.exec(text)?.[1];
    if (created) made.add(created);
    for (const { kind, why } of faultsOf(statement, (table) => made.has(table))) {
      const mark = (kind === 'breaks' ? contracts : accepts).find((one) => covers(one, text));
      if (mark) used.add(mark);
      else faults.push(`${why}: ${text.slice(0, 160)}`);
    }
  }
  for (const mark of [...contracts, ...accepts]) {
    if (!used.has(mark)) faults.push(`a mark that concerns nothing: ${mark.statement}`);
    if (mark.because.trim().split(/\s+/).length < 3) faults.push(`a mark without a reason: ${mark.statement}`);
  }
  for (const { expandedBy, statement } of contracts) {
    if (!released.has(expandedBy))
      faults.push(`${expandedBy} is in no earlier release, so it is too early: ${statement}`);
  }
  return faults;
}
