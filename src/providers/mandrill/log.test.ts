import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ask, endServers, never } from '../../../test/support/servers/scripted-mandrill.js';
import type { LogPage, ProviderLog } from '../provider.js';
import { mandrillLog } from './log.js';
import type { SearchDocument } from './search.js';

endServers();

const since = new Date(Date.now() - 60 * 60_000);
const idOf = (n: number) => `019a0000-0000-7000-8000-${String(n).padStart(12, '0')}`;

describe('a page', () => {
  const read = (body: unknown, status = 200) =>
    ask((provider) => provider.log.readPage(since, null, never), { status, body: JSON.stringify(body) });

  test('is a search by days alone, as long as it shows all', async () => {
    const { url, document, result } = await read([]);
    const day = (atMs: number) => new Date(atMs).toISOString().slice(0, 10);
    expect(url).toBe('/api/1.0/messages/search.json');
    expect(document).toMatchObject({
      key: 'key',
      query: '*',
      limit: 1000,
      date_from: day(since.getTime() - 86_400_000),
    });
    expect(result).toEqual({ messages: [], next: null, isCut: false });
  });

  test('has what was sent since then, by our metadata, and says what was rejected', async () => {
    const ts = Math.ceil(since.getTime() / 1000);
    const message = (n: number, more: object = {}) => ({
      ...{ _id: `m${n}`, ts, state: 'sent', metadata: { email_id: idOf(n), generation: '1', attempt: '1' }, ...more },
    });
    const { result } = await read([
      message(1),
      message(2, { state: 'rejected' }),
      message(3, { ts: ts - 10 }),
      message(4, { metadata: [] }),
      message(5, { metadata: { email_id: 'ours', generation: '1' } }),
      // A field of this name alone may be anybody's.
      message(6, { metadata: { email_id: idOf(6) } }),
      message(7, { metadata: { email_id: idOf(7), generation: 'x' } }),
    ]);
    expect(result.messages).toEqual([
      { emailId: idOf(1), isRejected: false },
      { emailId: idOf(2), isRejected: true },
    ]);
  });

  test('cannot be read with a key that may not search', async () => {
    await expect(read({ status: 'error', name: 'Invalid_Key' }, 500)).rejects.toThrow(new Error('Invalid_Key'));
  });
});

/** Reads all pages. */
async function readAll(log: ProviderLog) {
  const found = new Set<string>();
  let isCut = false;
  let searches = 0;
  for (let next: string | null = null; searches === 0 || next !== null; ) {
    const page: LogPage = await log.readPage(since, next, never);
    for (const { emailId } of page.messages) found.add(emailId);
    isCut ||= page.isCut ?? false;
    next = page.next;
    searches++;
  }
  return { found, isCut, searches };
}

const MOST = 5;
/** When messages were sent, in seconds after a moment a while before `since`. */
const sentAfterS = fc.array(fc.nat(4_000), { maxLength: 60 });
const startS = Math.floor(since.getTime() / 1000) - 300;

/** A Mandrill that shows the newest, or the oldest, of what a search finds; `field`: how it understands `ts`. */
const search =
  (sent: readonly number[], field: 'indexed' | 'ignored' | 'unknown', first: 'newest' | 'oldest' = 'newest') =>
  async ({ query, limit }: SearchDocument) => {
    const [, from, to] = /^ts:\[(\d+) TO (\d+)\]$/.exec(query) ?? [];
    const matches = (ts: number) =>
      from === undefined || field === 'ignored' || (field === 'indexed' && ts >= Number(from) && ts <= Number(to));
    return sent
      .map((afterS, n) => ({ _id: `m${n}`, ts: startS + afterS, metadata: { email_id: idOf(n), generation: '1' } }))
      .filter(({ ts }) => matches(ts))
      .sort((a, b) => (first === 'newest' ? b.ts - a.ts : a.ts - b.ts))
      .slice(0, limit);
  };

describe('a log with more than one search shows', () => {
  test('is read whole where an answer of so many is too large to be read', async () => {
    await fc.assert(
      fc.asyncProperty(sentAfterS, async (sent) => {
        const searchAll = search(sent, 'indexed');
        const log = mandrillLog(async (document) => {
          const shown = await searchAll(document);
          if (shown.length > 2) throw new Error('answer_too_large');
          return shown;
        }, MOST);
        const { found, isCut } = await readAll(log);
        const ours = sent.flatMap((afterS, n) => (startS + afterS >= Math.floor(since.getTime() / 1000) ? [n] : []));
        if (!isCut) for (const n of ours) expect(found).toContain(idOf(n));
        if (new Set(sent).size === sent.length) expect(isCut).toBe(false);
      }),
    );
  });

  test('goes on after a time that cannot be read, and ends where one message is too large', async () => {
    const sent = Array.from({ length: 6 }, (_, n) => 600 + n * 500);
    const log = mandrillLog(search(sent, 'indexed'), MOST);
    const { next } = await log.readPage(since, null, never);
    const later = log.after!(next);
    expect(JSON.parse(later!)).toEqual(JSON.parse(next!).slice(1));
    expect([log.after!(later), log.after!(null)]).toEqual([null, null]);
    const tooLarge = () => Promise.reject(new Error('answer_too_large'));
    await expect(readAll(mandrillLog(tooLarge, MOST))).rejects.toThrow('answer_too_large');
  });

  test('is read whole, whenever what was sent, unless one second has more; then that is said', async () => {
    await fc.assert(
      fc.asyncProperty(sentAfterS, fc.constantFrom('newest', 'oldest'), async (sent, first) => {
        const { found, isCut, searches } = await readAll(mandrillLog(search(sent, 'indexed', first), MOST));
        const ours = sent.flatMap((afterS, n) => (startS + afterS >= Math.floor(since.getTime() / 1000) ? [n] : []));
        const inSecond = new Map<number, number>();
        for (const n of ours) inSecond.set(sent[n]!, (inSecond.get(sent[n]!) ?? 0) + 1);
        const isCrowded = [...inSecond.values()].some((count) => count >= MOST);
        if (isCrowded) expect(isCut).toBe(true);
        // Times before are looked at where they have to be, and need not be whole.
        if (!isCut) for (const n of ours) expect(found).toContain(idOf(n));
        if (new Set(sent).size === sent.length) expect(isCut).toBe(false);
        // Each halving that was called for, down to a second.
        expect(searches).toBeLessThan(2 * 13 * (sent.length + 1));
      }),
    );
  });

  test.each([
    ['ignored', 'newest'],
    ['ignored', 'oldest'],
    ['unknown', 'newest'],
    ['unknown', 'oldest'],
  ] as const)(
    'is said to be cut where the field is %s and the %s are shown, after few searches',
    async (how, first) => {
      const sent = Array.from({ length: 50 }, (_, n) => n * 60);
      const { isCut, searches } = await readAll(mandrillLog(search(sent, how, first), MOST));
      expect(isCut).toBe(true);
      expect(searches).toBeLessThan(2 * 13);
    },
  );
});
