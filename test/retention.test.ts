import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { retryEmail } from '../src/domain/actions/retry.js';
import { SHIPPED_STATUSES } from '../src/domain/emails/statuses.js';
import { beginJob, findJob } from '../src/domain/jobs/jobs.js';
import { removeObjects } from '../src/domain/personal-data/objects.js';
import { walkOn } from '../src/domain/retention/walk.js';
import { uuidFloor } from '../src/postgres/partitions.js';
import { transact } from '../src/postgres/transaction.js';
import { TEST_DEADLINE_MS } from './support/api.js';
import { BYTES, DAY_MS, type RetentionWorld, startRetentionWorld } from './support/retained/world.js';

let world: RetentionWorld;
beforeAll(async () => {
  world = await startRetentionWorld();
});
afterAll(() => world?.stop());

describe('what an e-mail says', () => {
  it('goes after its period, with its attachment; what is known of the e-mail stays, and says since when', async () => {
    const owner = await world.client({ content_days: 30 });
    const old = await world.insertOld({ daysAgo: 31, client: owner, attached: true, status: 'failed' });
    const young = await world.insertOld({ daysAgo: 29, client: owner, attached: true });
    const others = await world.insertOld({ daysAgo: 31, client: await world.client(), attached: true });
    expect(await world.retain()).toMatchObject({ state: 'done', counts: { done: 1, failed: {}, skipped: {} } });
    await removeObjects(world.db, world.store);
    expect(world.objects().sort()).toEqual([young, others].sort());

    const today = new Date().toISOString().slice(0, 10);
    const shown = (await (await world.api.get(`/api/email/${old}`, owner.key)).json()) as Record<string, unknown>;
    expect(shown).toMatchObject({
      subject: 'Subject',
      receiver: 'reader@example.org',
      content_removed_at: expect.stringContaining(today),
      attachment: { filename: 'a.pdf', size: BYTES.length, storage_path: null },
      events: [{ type: 'queued' }],
      attempts: [{ state: 'accepted' }],
    });
    const content = await world.api.get(`/api/email/${old}/content`, owner.key);
    expect([content.status, await content.json()]).toMatchObject([
      200,
      {
        text: null,
        html: null,
        generated_text: null,
        subject: 'Subject',
        content_removed_at: shown.content_removed_at,
      },
    ]);
    const page = await world.api.get(`/api/email/${old}/content/page`, owner.key);
    expect(await page.text()).toContain(`Content removed on ${today} by retention.`);
    for (const id of [young, others]) expect(await world.hasContent(id)).toBe(true);
    const { rows } = await sql`select from emails where id = ${old} and concat(content, alternative) <> ''`.execute(
      world.db,
    );
    expect(rows).toEqual([]);
  });

  it('is not sent again once it is gone, by a retry, a resend or a job, and its attachment is gone', async () => {
    const owner = await world.client({ content_days: 1 });
    const id = await world.insertOld({ daysAgo: 2, client: owner, attached: true, status: 'failed' });
    await world.retain();
    for (const answer of [
      await world.api.post(`/api/email/${id}/retry`, {}, owner.key),
      await world.api.post(`/api/email/${id}/resend`, {}, owner.key),
      await world.api.get(`/api/email/${id}/attachment`, owner.key),
    ]) {
      expect([answer.status, await answer.json()]).toMatchObject([410, { code: 'content_removed' }]);
    }
    const range = { from: uuidFloor(new Date(0)), before: uuidFloor(new Date()) };
    const selection = { filter: { clientId: owner.id }, statuses: ['failed'], range };
    const job = (await beginJob(world.db, { kind: 'retry', parameters: { selection }, reason: 'test', ratePerS: 9 }))!;
    await world.runJobs();
    expect(await findJob(world.db, job)).toMatchObject({ state: 'done', counts: { skipped: { content_removed: 1 } } });
    expect(await world.db.selectFrom('email_queue').where('email_id', '=', id).selectAll().execute()).toEqual([]);
  });

  it('begins no next generation once it is gone, whichever release asks for one; others do', async () => {
    const owner = await world.client({ content_days: 1 });
    const [gone, kept] = [
      await world.insertOld({ daysAgo: 2, client: owner, status: 'failed' }),
      await world.insertOld({ daysAgo: 0, client: owner, status: 'failed' }),
    ];
    await world.retain();
    // What the release before writes, which knows nothing of retention.
    const begin = (id: string) =>
      sql`update emails set generation = generation + 1, provider = null where id = ${id}`.execute(world.db);
    await expect(begin(gone)).rejects.toMatchObject({ code: '23514', constraint: 'content_removed' });
    expect((await begin(kept)).numAffectedRows).toBe(1n);
    await sql`update emails set provider = null, generation = generation where id = ${gone}`.execute(world.db);
  });

  it('stays while it is on its way, held or an open dead letter, and goes when that has ended', async () => {
    const owner = await world.client({ content_days: 1 });
    const held = await world.insertOld({ daysAgo: 5, client: owner, state: 'held', status: 'queued' });
    const sent = await world.insertOld({ daysAgo: 5, client: owner, state: 'handed_over', status: 'sent' });
    const dead = await world.insertOld({ daysAgo: 5, client: owner, isDead: true, status: 'dead' });
    const over = await world.insertOld({ daysAgo: 4, client: owner });
    await world.retain();
    expect(await world.hasContent(over)).toBe(false);
    for (const id of [held, sent, dead]) expect(await world.hasContent(id)).toBe(true);
    await sql`delete from email_queue where email_id in (${held}, ${sent})`.execute(world.db);
    await sql`update dead_emails set resolved_at = now(), resolution = 'discarded' where email_id = ${dead}`.execute(
      world.db,
    );
    await world.lookAgain();
    await world.retain();
    for (const id of [held, sent, dead]) expect(await world.hasContent(id)).toBe(false);
  });

  it('counts from when it was due last: one that was scheduled or retried is kept as long', async () => {
    const owner = await world.client({ content_days: 10 });
    const id = await world.insertOld({ daysAgo: 20, client: owner });
    await sql`update emails set due_at = now() - interval '9 days' where id = ${id}`.execute(world.db);
    await world.retain();
    expect(await world.hasContent(id)).toBe(true);
    const deferred = await world.db.selectFrom('retention_deferred').selectAll().where('email_id', '=', id).execute();
    expect(Math.round((deferred[0]!.look_at.getTime() - Date.now()) / DAY_MS)).toBe(1);
    await sql`update emails set due_at = now() - interval '11 days' where id = ${id}`.execute(world.db);
    await sql`update retention_deferred set look_at = now() where email_id = ${id}`.execute(world.db);
    await world.retain();
    expect(await world.hasContent(id)).toBe(false);
  });

  it('keeps its attachment for as long as another e-mail has the same one', async () => {
    const owner = await world.client({ content_days: 1 });
    const id = await world.insertOld({ daysAgo: 3, client: owner, attached: true });
    const again = (await (await world.api.post(`/api/email/${id}/resend`, {}, owner.key)).json()) as { id: string };
    await world.retain();
    await removeObjects(world.db, world.store);
    expect(await world.hasContent(id)).toBe(false);
    expect(world.objects()).toContain(id);
    const answer = await world.api.get(`/api/email/${again.id}/attachment`, owner.key);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(BYTES);
  });

  it('is neither lost to a retry that has just begun, nor to a copy that is being made', async () => {
    const owner = await world.client({ content_days: 1 });
    const walk = { clientId: owner.id, what: 'content', days: 1 } as const;
    const retried = await world.insertOld({ daysAgo: 3, client: owner, status: 'failed' });
    await world.db.deleteFrom('send_attempts').where('email_id', '=', retried).execute();
    await transact(world.db, async (trx) => {
      const request = { emailId: retried, clientId: null, by: 'operator', deadlineMs: TEST_DEADLINE_MS } as const;
      expect(await retryEmail(trx, request, SHIPPED_STATUSES)).toMatchObject({ kind: 'retried' });
      expect(await walkOn(world.db, walk)).toMatchObject({ removed: 0 });
    });
    const copied = await world.insertOld({ daysAgo: 2, client: owner });
    await transact(world.db, async (trx) => {
      await trx.selectFrom('emails').select('id').where('id', '=', copied).forShare().execute();
      expect(await walkOn(world.db, walk)).toMatchObject({ removed: 0 });
    });
    await world.lookAgain();
    expect(await walkOn(world.db, walk)).toMatchObject({ removed: 1 });
    expect([await world.hasContent(retried), await world.hasContent(copied)]).toEqual([true, false]);
  });
});
