import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { answerOf } from '../../../test/support/record.js';
import { ensurePartitions, uuidFloor } from '../../postgres/partitions.js';

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await startTestApi();
  ({ key: admin } = await insertClient(api.db, { operator: true }));
});
afterAll(() => api?.stop());

const monthBack = (months: number) => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1));
};
const suffixOf = (month: Date) => month.toISOString().slice(0, 7).replace('-', '');

describe('POST /api/admin/months/{month}/drop', () => {
  const post = (month: string, body: object) =>
    api.post(`/api/admin/months/${month}/drop`, { reason: 'kept for a year', ...body }, admin);

  it('says what there is and what keeps it, refuses that, and begins the job else', async () => {
    const month = monthBack(13);
    await ensurePartitions(api.db, month);
    const id = uuidFloor(month);
    const letter = { email_id: id, generation: 1, reason: 'ambiguous', client_id: api.client.id } as const;
    await api.db.insertInto('dead_emails').values(letter).execute();
    const shown = await (await post(suffixOf(month), { dry_run: true })).json();
    expect(shown).toMatchObject({ dry_run: true, job: null, unfinished: 0, open_dead_letters: 1, examples: [id] });
    const refused = await post(suffixOf(month), {});
    const problem = (await refused.json()) as { code: string; detail: string };
    expect([refused.status, problem.code]).toEqual([409, 'month_in_use']);
    expect(problem.detail).toContain(id);
    await api.db.deleteFrom('dead_emails').execute();
    expect(await (await post(suffixOf(month), {})).json()).toMatchObject({ job: { kind: 'drop_month' } });
  });

  it('refuses a month that is not over, and one that there is not', async () => {
    expect(await answerOf(await post(suffixOf(monthBack(0)), {}))).toEqual([409, 'month_in_use']);
    for (const month of ['200101', '202613', 'emails']) {
      expect(await answerOf(await post(month, {}))).toEqual([404, 'month_not_found']);
    }
  });
});
