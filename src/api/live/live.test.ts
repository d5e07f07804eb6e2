import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient, type TestClient } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import { apiConfig } from '../../../test/support/measured/api-config.js';
import { patient } from '../../../test/support/patience.js';
import { answerOf } from '../../../test/support/record.js';
import { cuttableDatabase } from '../../../test/support/webhooks.js';
import { createMeasure } from '../../domain/samples/measure.js';
import { isSampleDue, keepSample } from '../../domain/samples/samples.js';
import { API_LIMITS } from '../limits.js';
import { startApi } from '../server.js';
import { Live } from './live.js';
import type { LiveSample } from './sample.js';

let api: TestApi;
let operator: TestClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = await insertClient(api.db, { operator: true });
});
afterAll(() => api.stop());

const quiet = { warn: () => {} };

describe('Live', () => {
  it('looks once for ten who watch, and not at all when nobody does', async () => {
    let looks = 0;
    const live = new Live(async () => ++looks, quiet, 1);
    const seen = Array.from({ length: 10 }, () => [] as number[]);
    const ends = seen.map((samples) => live.watch((told) => 'sample' in told && samples.push(told.sample)));
    await expect.poll(() => seen[9]!.length).toBeGreaterThan(2);
    for (const end of ends) end();
    for (const samples of seen) expect(samples).toEqual(samples.map((_, index) => index + 1));
    expect(live.watching).toBe(0);
    const { length } = seen[0]!;
    expect(looks - length).toBeLessThanOrEqual(1);
  });

  it('shows what is fresh to whoever comes later, at once', async () => {
    const live = new Live(async () => 'how it stands', quiet, 60_000);
    const first: unknown[] = [];
    const end = live.watch((told) => first.push(told));
    await expect.poll(() => first.length).toBe(1);
    const second: unknown[] = [];
    live.watch((told) => second.push(told))();
    expect(second).toEqual(first);
    end();
  });

  it('says that it cannot look, and goes on', async () => {
    let looks = 0;
    const live = new Live(
      async () => {
        if (++looks === 1) throw new Error('no database');
        return looks;
      },
      quiet,
      1,
    );
    const seen: unknown[] = [];
    const end = live.watch((told) => seen.push(told));
    await expect.poll(() => seen.length).toBeGreaterThan(1);
    end();
    expect(seen.slice(0, 2)).toEqual([{ trouble: true }, { sample: 2 }]);
  });
});

describe('GET /api/admin/stream', () => {
  const open = (key = operator.key, headers: Record<string, string> = { Accept: 'text/event-stream' }) => {
    const ending = new AbortController();
    const answer = fetch(`${api.url}/api/admin/stream`, {
      headers: { Authorization: `Bearer ${key}`, ...headers },
      signal: ending.signal,
    });
    return { answer, end: () => ending.abort() };
  };
  const sampleIn = (text: string) => JSON.parse(/^event: sample\ndata: (.*)\n\n/.exec(text)![1]!) as LiveSample;

  it('tells how it stands again and again', async () => {
    await insertQueuedEmail(api.db, { priority: 'low', dueInS: -60 });
    const { answer, end } = open();
    const { body, headers } = await answer;
    expect(headers.get('Content-Type')).toContain('text/event-stream');
    const texts: string[] = [];
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      texts.push(text);
      if (texts.join('').split('event: sample').length > 2) break;
    }
    end();
    const sample = sampleIn(texts.join(''));
    expect(sample.queues.find(({ priority }) => priority === 'low')).toMatchObject({ waiting: 1, paused: false });
    expect(sample.flow.map(({ priority }) => priority)).toEqual(['critical', 'medium', 'low']);
    expect(sample).toMatchObject({ holds: [], calls: [], dead_letters: { waiting: 0 } });
  });

  it('costs the database with ten who watch what it costs with one', { timeout: patient(60_000) }, async () => {
    const wire = await cuttableDatabase(api.databaseUrl);
    const watched = await startApi(apiConfig(wire.url), pino({ level: 'silent' }), API_LIMITS);
    /** Statements a look, from one sample to the third after it. */
    const costWith = async (viewers: number) => {
      const ending = new AbortController();
      const streams = Array.from({ length: viewers }, () => samplesOf(watched.port, ending.signal));
      for (const stream of streams) await stream.next();
      const [first, ...others] = streams;
      for (const other of others) void drain(other);
      await first!.next();
      const before = wire.journeys();
      for (let n = 0; n < LOOKS; n++) await first!.next();
      const cost = (wire.journeys() - before) / LOOKS;
      ending.abort();
      return cost;
    };
    const [one, ten] = [await costWith(1), await costWith(10)];
    console.log(`statements a look: ${one.toFixed(1)} with one who watches, ${ten.toFixed(1)} with ten`);
    await watched.stop();
    wire.close();
    expect(one).toBeGreaterThan(5);
    // What the process asks by itself meanwhile, such as whether it may go on, falls into the one or the other.
    expect(ten).toBeLessThan(one + 3);
  });

  const LOOKS = 3;
  async function* samplesOf(port: number, signal: AbortSignal) {
    const headers = { Authorization: `Bearer ${operator.key}`, Accept: 'text/event-stream' };
    const { body } = await fetch(`http://127.0.0.1:${port}/api/admin/stream`, { headers, signal });
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      if (text.includes('event: sample')) yield;
    }
  }
  /** Reads what comes, until it is ended. */
  const drain = async (stream: AsyncGenerator) => {
    try {
      while (!(await stream.next()).done);
    } catch {
      // Ended.
    }
  };

  it('is one sample, and ends, for whoever does not ask for events', async () => {
    const { answer } = open(operator.key, {});
    expect(sampleIn(await (await answer).text()).queues).toHaveLength(3);
  });

  it('ends when whoever watches has gone, so that nothing is asked for nobody', async () => {
    const watched = open();
    await watched.answer;
    watched.end();
    const viewer = await insertClient(api.db, { keyColumns: { role: 'viewer', scopes: [] } });
    const again = open(viewer.key);
    expect((await again.answer).status).toBe(200);
    again.end();
  });

  it('ends soon when the process is to stop, which does not wait for it', { timeout: patient(30_000) }, async () => {
    const stopping = await startTestApi({}, { shutdownGraceMs: 3_600_000 });
    const { key } = await insertClient(stopping.db, { operator: true });
    const headers = { Authorization: `Bearer ${key}`, Accept: 'text/event-stream' };
    const { body } = await fetch(`${stopping.url}/api/admin/stream`, { headers });
    const texts: string[] = [];
    let stopped: Promise<void> | undefined;
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      texts.push(text);
      stopped ??= stopping.stop();
    }
    await stopped;
    expect(sampleIn(texts.join('')).queues).toHaveLength(3);
  });

  it('is for two hundred at once, of each process', async () => {
    const all = Array.from({ length: 200 }, () => open());
    await Promise.all(all.map(({ answer }) => answer));
    const more = open();
    expect(await answerOf(await more.answer)).toEqual([503, 'too_many_viewers']);
    for (const { end } of all) end();
    await expect
      .poll(async () => {
        const one = open();
        const { status } = await one.answer;
        one.end();
        return status;
      })
      .toBe(200);
  });
});

describe('GET /api/admin/samples', () => {
  it('answers what a dispatcher has kept, once for each interval', async () => {
    const { db } = api;
    const measure = createMeasure({
      db,
      deadlineMs: { critical: 15_000, medium: 900_000, low: 3_600_000 },
      providers: ['mailgun', 'mandrill'],
    });
    expect(await isSampleDue(db)).toBe(true);
    const measured = await measure();
    await Promise.all([keepSample(db, measured), keepSample(db, measured)]);
    const answer = await api.get('/api/admin/samples', operator.key);
    const { samples } = (await answer.json()) as { samples: { at: string; sample: object }[] };
    // One, or two when an interval has ended just between them.
    expect(samples.length).toBeGreaterThan(0);
    expect(samples[0]!.sample).toMatchObject({
      queues: { low: { waiting: expect.any(Number), paused: false, admitting: 2 } },
      providers: { mailgun: { state: 'closed', used_today: 0 } },
      dead_letters: 0,
    });
  });

  it('thins out what is more than was asked for, and keeps the last of each part', async () => {
    const begin = Date.UTC(2026, 0, 1);
    await api.db
      .insertInto('samples')
      .values(
        Array.from({ length: 240 }, (_, index) => ({
          at: new Date(begin + index * 15_000),
          sample: JSON.stringify({ queues: {}, flow: {}, providers: {}, dead_letters: index }),
        })),
      )
      .execute();
    const range = `from=${new Date(begin).toISOString()}&to=${new Date(begin + 3_600_000).toISOString()}`;
    const answer = await api.get(`/api/admin/samples?${range}&points=10`, operator.key);
    const { samples } = (await answer.json()) as { samples: { sample: { dead_letters: number } }[] };
    expect(samples.map(({ sample }) => sample.dead_letters)).toEqual([23, 47, 71, 95, 119, 143, 167, 191, 215, 239]);
  });

  it.each(['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'from=2020-01-01T00:00:00Z', 'points=1'])(
    'refuses %s',
    async (query) => {
      expect(await answerOf(await api.get(`/api/admin/samples?${query}`, operator.key))).toEqual([
        422,
        'invalid_fields',
      ]);
    },
  );
});
