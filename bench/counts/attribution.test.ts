import { describe, expect, it } from 'vitest';
import { attribute } from './attribution.js';
import { readTransactions } from './statement-log.js';

const EMAIL = '0198f3a0-0000-7000-8000-000000000001';
const OTHER = '0198f3a0-0000-7000-8000-000000000002';
const START_MS = Date.parse('2026-11-29T12:00:00.000Z');
const IDLE = { fromMs: START_MS, untilMs: START_MS + 999 };
const COURSES = [
  { emailId: EMAIL, fromMs: START_MS + 1_000, untilMs: START_MS + 1_999 },
  { emailId: OTHER, fromMs: START_MS + 2_000, untilMs: START_MS + 2_999 },
];

interface Line {
  readonly atMs: number;
  readonly message: string;
  readonly detail?: string;
  readonly txid?: number;
  readonly application?: string;
}

let transactions = 0;
/** The lines of one transaction. */
function logged(lines: readonly Line[]): string {
  const vxid = `3/${++transactions}`;
  return lines
    .map(({ atMs, message, detail, txid = 0, application = 'tempost-api' }) =>
      JSON.stringify({
        timestamp: new Date(START_MS + atMs).toISOString().replace('T', ' ').replace('Z', ' UTC'),
        ...{ session_id: 'a.1', vxid, txid, message, detail, application_name: application },
      }),
    )
    .join('\n');
}
const asked = (atMs: number, text: string, more: Partial<Line> = {}) =>
  logged([{ atMs, message: `execute <unnamed>: ${text}`, ...more }]);
const own = (...log: readonly string[]) => {
  const attributed = attribute(readTransactions(log.join('\n')), COURSES, IDLE);
  return COURSES.map(({ emailId }) => attributed.get(emailId)!.flatMap(({ statements }) => statements));
};

describe('a transaction in the log', () => {
  it('has its statements in order, its parameters, and the xid that only a later line knows', () => {
    const log = logged([
      { atMs: 0, message: 'statement: begin' },
      { atMs: 1, message: 'duration: 0.1 ms' },
      { atMs: 2, message: 'execute a1b2: insert into\n x values ($1)', detail: `Parameters: $1 = '${EMAIL}'` },
      { atMs: 3, message: 'duration: 0.2 ms', txid: 77 },
      { atMs: 4, message: 'statement: commit', txid: 77 },
    ]);
    expect(readTransactions(`${log}\n{"cut of`)).toEqual([
      {
        application: 'tempost-api',
        startedAtMs: START_MS,
        statements: ['begin', 'insert into\n x values ($1)', 'commit'],
        parameters: `\nParameters: $1 = '${EMAIL}'\n\n`,
        xid: 77,
      },
    ]);
  });
});

describe('an e-mail’s statements are', () => {
  it('those that name it, whenever they run', () => {
    const detail = `Parameters: $1 = '{${EMAIL}}'`;
    expect(own(asked(1_500, 'one', { detail }), asked(2_500, 'late', { detail }))).toEqual([['one', 'late'], []]);
  });

  it('those that name no e-mail, while it is the only one on its way', () => {
    expect(own(asked(1_500, 'who is it'), asked(2_500, 'who is it'))).toEqual([['who is it'], ['who is it']]);
  });

  it('not those that a loop asks while the system idles', () => {
    const loop = (atMs: number) => asked(atMs, 'anything due?', { application: 'tempost-dispatcher' });
    expect(own(loop(500), loop(1_500), loop(2_500))).toEqual([[], []]);
    // The same question about an e-mail is another matter.
    const detail = `Parameters: $1 = '${OTHER}'`;
    expect(own(loop(500), asked(2_500, 'anything due?', { detail }))).toEqual([[], ['anything due?']]);
  });

  it('not those of others, nor what is asked about e-mails by time', () => {
    const detail = `Parameters: $1 = '${EMAIL}'`;
    const byTime = asked(1_500, 'select x from unnest($1)\n           as s (email_id, at_ms)', { detail });
    const guard = asked(1_600, 'select id from unnest($1::uuid[]) id where not exists (select 1)', { detail });
    expect(own(asked(1_500, 'select 1', { application: 'bench' }), byTime, guard, asked(900, 'before'))).toEqual([
      [],
      [],
    ]);
  });
});
