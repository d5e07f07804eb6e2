import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { openDatabase } from '../postgres/database.js';
import type { LogPage } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import { readLog } from './logs.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

const HOUR_MS = 60 * 60_000;
const ago = (ms: number) => new Date(Date.now() - ms);

/** A provider whose log has these pages, is kept for a day, and may lag by half an hour. */
function provider(pages: readonly Partial<LogPage>[]): Provider & { readonly asked: (string | null)[] } {
  const asked: (string | null)[] = [];
  return {
    ...{ name: 'mailgun', asked, send: () => Promise.reject(new Error('nothing is sent here')) },
    probe: async () => undefined,
    log: {
      ...{ keptMs: 24 * HOUR_MS, lagMs: HOUR_MS / 2 },
      async readPage(_since, next) {
        asked.push(next);
        const n = Number(next ?? 0);
        return { messages: [], next: n + 1 < pages.length ? String(n + 1) : null, ...pages[n] };
      },
    },
  };
}

async function read(
  of: Provider,
  options: { since?: Date; stoppedAt?: Date; most?: { pages: number; ms: number } } = {},
) {
  const found: string[] = [];
  const limits = await readLog(of, {
    ...{ db: database.db, since: ago(HOUR_MS), stoppedAt: ago(HOUR_MS), pauseMs: 1, ...options },
    found: async (messages) => void found.push(...messages.map(({ emailId }) => emailId)),
  });
  return { found, limits };
}

const message = (emailId: string) => ({ emailId, isRejected: false });

it('tells every page, and nothing else where that was all', async () => {
  const log = provider([{ messages: [message('a')] }, { messages: [] }, { messages: [message('b'), message('a')] }]);
  expect(await read(log)).toEqual({ found: ['a', 'b', 'a'], limits: [] });
  expect(log.asked).toEqual([null, '1', '2']);
});

it('says that a log may lag until so long after sending was stopped', async () => {
  const stoppedAt = ago(HOUR_MS / 4);
  const detail = new Date(stoppedAt.getTime() + HOUR_MS / 2).toISOString();
  expect((await read(provider([{}]), { stoppedAt })).limits).toEqual([{ code: 'may_lag', detail }]);
});

it('says that a log may have been kept for too short a time', async () => {
  const since = ago(25 * HOUR_MS);
  const detail = since.toISOString();
  expect((await read(provider([{}]), { since })).limits).toEqual([{ code: 'may_not_reach_back', detail }]);
});

it('tells what a provider shows, and says that it shows a part only', async () => {
  const log = provider([{ messages: [message('a')], isCut: true }, { messages: [message('b')] }]);
  expect(await read(log)).toEqual({ found: ['a', 'b'], limits: [{ code: 'cut', detail: null }] });
});

it.each([
  { pages: 2, ms: HOUR_MS },
  { pages: 1_000, ms: -1 },
])('ends at its bounds, $pages pages and $ms ms, and says that the rest was not read', async (most) => {
  const log = provider(Array.from({ length: 5 }, (_, n) => ({ messages: [message(String(n))] })));
  const { found, limits } = await read(log, { most });
  expect(limits).toEqual([{ code: 'too_long', detail: null }]);
  expect(found).toHaveLength(most.ms < 0 ? 1 : 2);
});

it('goes on after a page that cannot be read where what follows is known, and gives up after three in a row', async () => {
  const reading = (unreadable: readonly string[]) => {
    const log = provider([]).log!;
    const of: Provider = {
      ...provider([]),
      log: {
        ...log,
        async readPage(_since, next) {
          if (unreadable.includes(next ?? '0')) throw new Error('http_500');
          return { messages: [message(next ?? '0')], next: next === '9' ? null : String(Number(next ?? 0) + 1) };
        },
        after: (next) => String(Number(next ?? 0) + 1),
      },
    };
    return read(of);
  };
  const not_read = { code: 'not_read', detail: 'http_500' };
  expect(await reading(['2', '4', '5'])).toEqual({ found: ['0', '1', '3', '6', '7', '8', '9'], limits: [not_read] });
  expect(await reading(['2', '3', '4'])).toEqual({ found: ['0', '1'], limits: [not_read] });
});

it('is not the provider that failed where the record does not say whose turn it is', async () => {
  const of = { ...provider([{}]), lookUpWindow: { everyMs: 1, size: 1 } };
  const gone = openDatabase({ url: 'postgres://127.0.0.1:1/x', poolSize: 1, name: 'test', logger: { warn: () => {} } });
  const reading = readLog(of, { db: gone, since: ago(HOUR_MS), stoppedAt: ago(HOUR_MS), found: async () => {} });
  await expect(reading).rejects.not.toThrow('could not be asked');
  expect(of.asked).toEqual([]);
  await gone.destroy();
});

it('has nothing of a provider that tells nothing afterwards', async () => {
  const { log: _, ...mute } = provider([]);
  expect(await read(mute)).toEqual({ found: [], limits: [{ code: 'no_log', detail: null }] });
});
