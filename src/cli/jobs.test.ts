import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../test/support/api.js';
import { insertClient } from '../../test/support/database.js';
import { insertDeadEmail } from '../../test/support/dead.js';
import type { ListedItem } from '../domain/jobs/items.js';
import type { Job } from '../domain/jobs/jobs.js';
import { runCli } from './run.js';

let api: TestApi;
let operator: string;
beforeAll(async () => {
  api = await startTestApi();
  ({ key: operator } = await insertClient(api.db, { operator: true }));
});
afterAll(() => api?.stop());

async function tempost(...argv: string[]) {
  const out: string[] = [];
  const errors: string[] = [];
  const code = await runCli(
    argv,
    { TEMPOST_URL: api.url, TEMPOST_API_KEY: operator },
    { out: (text) => out.push(text), error: (text) => errors.push(text) },
  );
  return { code, out: out.join('\n'), error: errors.join('\n') };
}

describe('tempost jobs', () => {
  it('says what one would do, begins it, lists it, stops it, resumes it and follows it to its end', async () => {
    const id = await insertDeadEmail(api.db, { attempts: [{ state: 'refused', code: 'http_401' }] });
    const terms = ['retry', '--code', 'http_401', '--reason', 'the key was wrong', '--rate', '7'];
    const dry = await tempost('jobs', 'start', ...terms, '--dry-run');
    expect(dry.out).toMatch(/would be listed +1\nby status +dead 1\n/);
    expect(dry.out).toContain(id);
    expect((await tempost('jobs')).out).toBe('No jobs.');

    const begun = await tempost('jobs', 'start', ...terms, '--json');
    const { job } = JSON.parse(begun.out) as { job: Job };
    expect(job).toMatchObject({ kind: 'retry', rate_per_s: 7, parameters: { selection: { code: 'http_401' } } });
    expect((await tempost('jobs', '--state', 'planning')).out).toContain('the key was wrong');
    expect((await tempost('job', 'stop', job.id, '--reason', 'wait')).out).toMatch(/state +stopped/);
    expect((await tempost('job', 'resume', job.id)).out).toMatch(/state +planning/);
    await api.db.insertInto('job_items').values({ job_id: job.id, number: 1, target: id, state: 'done' }).execute();
    setTimeout(() => void api.db.updateTable('jobs').set({ state: 'done', matched: 1 }).execute(), 500);
    const followed = await tempost('job', job.id, '--follow');
    expect(followed.out).toMatch(/^planning: 0 listed, 1 done/);
    expect(followed.out).toMatch(/state +done/);
    const items = await tempost('job', 'items', job.id, '--json');
    expect(JSON.parse(items.out) as ListedItem).toMatchObject({ target: id, state: 'done' });
  });

  it('says what it does not understand', async () => {
    expect(await tempost('jobs', 'start', 'retry', '--all')).toMatchObject({ code: 2 });
    expect(await tempost('jobs', 'start', 'retry', '--all', '--reason', 'x', '--rate', 'fast')).toMatchObject({
      code: 2,
    });
    expect(await tempost('jobs', 'start', 'retry', '--reason', 'x')).toMatchObject({ code: 1 });
    expect(await tempost('job', 'stop')).toMatchObject({ code: 2 });
  });
});
