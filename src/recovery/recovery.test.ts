import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { insertAttempts, insertDeadEmail } from '../../test/support/dead.js';
import {
  ACCEPTED,
  AMBIGUOUS,
  asked,
  attemptsOf,
  begin,
  DOER,
  database,
  dispatched,
  email,
  permissionOf,
  placeOf,
  REFUSED,
  reset,
  restoreRecords,
  run,
  seek,
  TAKEN_AT,
  taken,
  takeProviderDown,
  verdictOf,
} from '../../test/support/lives/restored-record.js';
import { readRecord } from '../../test/support/record.js';
import { SHIPPED_STATUSES } from '../domain/emails/statuses.js';
import { hold } from '../domain/holds/holds.js';
import { putBackReleased } from '../domain/queue/held.js';
import { countItems, decide, listItems } from '../domain/recovery/items.js';
import { finishRecovery, noteSought, openRecovery } from '../domain/recovery/recoveries.js';

restoreRecords();

describe('from its beginning to its end a recovery', () => {
  it('has nothing claimed and nothing permitted, and is begun once', async () => {
    const [waiting, inFlight] = [await email(), await email({ state: 'in_flight' })];
    await begin();
    await begin();
    expect(await dispatched()).toEqual([]);
    expect([await permissionOf(waiting), await permissionOf(inFlight)]).toEqual(['held', 'held']);
    const holds = await database.db.selectFrom('holds').select('id').where('released_at', 'is', null).execute();
    expect(holds).toHaveLength(1);
  });

  it('is not finished before evidence was sought, and leaves rows in the audit', async () => {
    await email();
    const recovery = await begin();
    expect(await finishRecovery(database.db, DOER)).toBe('not_sought');
    await seek(recovery);
    await database.db.deleteFrom('recovery_items').execute();
    expect(await finishRecovery(database.db, DOER)).toBe('not_sought');
    await seek(recovery);
    // Something else is said of the restore while a run goes on.
    const said = await begin('lost');
    await noteSought(database.db, recovery, []);
    expect(await finishRecovery(database.db, DOER)).toBe('not_sought');
    await seek(said);
    expect(await finishRecovery(database.db, DOER)).toEqual({ held: 1 });
    expect(await finishRecovery(database.db, DOER)).toBe('no_recovery');
    const acts = await database.db.selectFrom('audit_log').select('action').orderBy('id').execute();
    expect(acts.map(({ action }) => action)).toEqual(['recovery.begin', 'recovery.begin', 'recovery.finish']);
  });

  it('lets everything go on afterwards that was not sent, and accepts meanwhile', async () => {
    const before = await email();
    const recovery = await begin();
    await seek(recovery);
    const meanwhile = await email();
    expect(await dispatched()).toEqual([]);
    await finishRecovery(database.db, DOER);
    await putBackReleased(database.db);
    expect(await dispatched()).toEqual([before, meanwhile].sort());
  });
});

describe('an e-mail that the restored record believes unsent', () => {
  it('is adopted, at its own time, if its history in Temporal says that a provider took it', async () => {
    const id = await email();
    await run(id, ACCEPTED, 1);
    const recovery = await begin();
    expect(await seek(recovery)).toMatchObject({ judged: 1, sent: 1, unsent: 0, unknown: 0 });
    expect(await verdictOf(recovery, id)).toEqual(['sent', 'temporal', 'mailgun']);
    expect(await attemptsOf(id)).toMatchObject([{ attempt: 1, provider: 'mailgun', state: 'accepted' }]);
    expect(await readRecord(database.db).statusOf({ id })).toBe('sent');
    expect([await placeOf(id), await permissionOf(id)]).toEqual(['handed_over', 'accepted']);
    await finishRecovery(database.db, DOER);
    await putBackReleased(database.db);
    expect(await dispatched()).toEqual([]);
  });

  it('is still sent if it was to be sent again: what an earlier generation came to says nothing of it', async () => {
    const id = await email();
    await run(id, ACCEPTED, 1);
    for (const table of ['emails', 'email_queue'] as const) {
      await database.db.updateTable(table).set({ generation: 2 }).execute();
    }
    const recovery = await begin();
    await seek(recovery);
    expect(await verdictOf(recovery, id)).toEqual(['unsent', 'not_dispatched', null]);
    await finishRecovery(database.db, DOER);
    await putBackReleased(database.db);
    expect(await dispatched()).toEqual([id]);
  });

  it('is adopted by the history of a run that was reset', async () => {
    const id = await email();
    const { plan } = REFUSED;
    await run(id, { plan, sends: [{ kind: 'accepted', provider: 'mailgun' }, ...REFUSED.sends] }, 1);
    await reset(id);
    const recovery = await begin();
    await seek(recovery);
    expect(await verdictOf(recovery, id)).toEqual(['sent', 'temporal', 'mailgun']);
  });

  it('is adopted by the log of the provider alone, under the attempt and the generation that this one names', async () => {
    const [once, retried] = [await email(), await email()];
    taken.set(once, { generation: 1, attempt: 3 }).set(retried, { generation: 2, attempt: 1 });
    const recovery = await begin('lost');
    await seek(recovery);
    const theirs = (id: string) => ({ provider: 'mailgun', state: 'accepted', provider_message_id: `theirs of ${id}` });
    expect(await attemptsOf(once)).toEqual([{ generation: 1, attempt: 3, ...theirs(once) }]);
    expect(await attemptsOf(retried)).toEqual([{ generation: 2, attempt: 1, ...theirs(retried) }]);
    expect([await permissionOf(once), await permissionOf(retried)]).toEqual(['accepted', 'accepted']);
    const { sent_at } = await database.db
      .selectFrom('emails')
      .select('sent_at')
      .where('id', '=', once)
      .executeTakeFirstOrThrow();
    expect(sent_at).toEqual(TAKEN_AT);
  });

  it('is adopted into the attempt that the record left open, and evidence of a second provider is a duplicate', async () => {
    const id = await email({ state: 'in_flight' });
    await insertAttempts(database.db, id, [{ provider: 'mandrill', state: 'calling' }]);
    await run(id, { sends: [{ kind: 'accepted', provider: 'mandrill' }], plan: { providers: ['mandrill'] } }, 1);
    taken.set(id, { generation: 1, attempt: 2 });
    await seek(await begin());
    expect(await attemptsOf(id)).toMatchObject([
      { attempt: 1, provider: 'mandrill', state: 'accepted' },
      { attempt: 2, provider: 'mailgun', state: 'accepted' },
    ]);
    const counters = await database.db.selectFrom('counters').select(['name', 'label', 'value']).execute();
    expect(counters).toContainEqual({ name: 'known_duplicates', label: 'mailgun', value: 1 });
  });

  it('is held if a call has no answer and the provider tells nothing, until an operator decides', async () => {
    const [released, discarded, left] = [await email(), await email(), await email()];
    for (const id of [released, discarded, left]) await run(id, AMBIGUOUS, 2);
    const recovery = await begin();
    expect(await seek(recovery)).toMatchObject({ unknown: 3, sent: 0, unsent: 0 });
    expect(await verdictOf(recovery, left)).toEqual(['unknown', 'call_without_answer', null]);
    expect(await finishRecovery(database.db, DOER)).toEqual({ held: 3 });
    await putBackReleased(database.db);
    expect(await dispatched()).toEqual([]);
    expect(await permissionOf(left)).toBe('held');

    const decided = (id: string, how: 'released' | 'discarded') => decide(database.db, DOER, id, how, SHIPPED_STATUSES);
    expect(await decided(released, 'released')).toBe(true);
    expect(await decided(released, 'released')).toBe(false);
    expect(await decided(discarded, 'discarded')).toBe(true);
    expect(await dispatched()).toEqual([released]);
    expect([await permissionOf(released), await permissionOf(left)]).toEqual(['granted', 'held']);
    expect(await readRecord(database.db).statusOf({ id: discarded })).toBe('cancelled');
    const listed = await listItems(database.db, recovery.id, { verdict: 'unknown', undecided: true, limit: 10 });
    expect(listed.map(({ emailId }) => emailId)).toEqual([left]);
    // Sent again without evidence: a possible duplicate, and counted.
    const counters = await database.db.selectFrom('counters').select(['name', 'label', 'value']).execute();
    expect(counters).toEqual([{ name: 'repeated_sends', label: 'unknown', value: 1 }]);
  });

  it('goes on if intact data of Temporal prove that it was not sent, and no provider is asked about it', async () => {
    const [waiting, tried] = [await email(), await email({ state: 'backing_off' })];
    await run(tried, REFUSED, 1);
    const recovery = await begin();
    expect(await seek(recovery)).toMatchObject({ unsent: 2 });
    expect(await verdictOf(recovery, waiting)).toEqual(['unsent', 'not_dispatched', null]);
    expect(await verdictOf(recovery, tried)).toEqual(['unsent', 'not_taken', null]);
    expect(asked).toEqual([]);
  });

  it.each(['doubtful', 'lost'] as const)('is held if nothing proves either, with Temporal %s', async (temporal) => {
    const [waiting, later] = [await email(), await email({ dueInS: 3_600 })];
    const recovery = await begin(temporal);
    await seek(recovery);
    expect(await verdictOf(recovery, waiting)).toEqual(['unknown', 'no_evidence', null]);
    expect(await verdictOf(recovery, later)).toEqual(['unsent', 'due_later', null]);
    // It may have been rescheduled, and sent.
    expect(asked).toContain(later);
  });

  it('stays where an operator holds it', async () => {
    const held = await email({ receiver: 'reader@example.net' });
    const operators = await hold(database.db, { receiverDomain: 'example.net', reject: false, reason: 'x' });
    expect(operators).toBeDefined();
    const recovery = await begin();
    await seek(recovery);
    await finishRecovery(database.db, DOER);
    await putBackReleased(database.db);
    expect(await dispatched()).toEqual([]);
    expect(await permissionOf(held)).toBe('held');
  });

  it('stays dead if it was, but for evidence that it was retried and sent', async () => {
    const [dead, sent] = [
      await insertDeadEmail(database.db, { priority: 'low' }),
      await insertDeadEmail(database.db, { priority: 'low' }),
    ];
    taken.set(sent, { generation: 2, attempt: 1 });
    const recovery = await begin('lost');
    await seek(recovery);
    expect(await verdictOf(recovery, dead)).toEqual(['unsent', 'dead_letter', null]);
    const record = readRecord(database.db);
    expect([await record.statusOf({ id: dead }), await record.statusOf({ id: sent })]).toEqual(['dead', 'sent']);
    const resolved = await database.db
      .selectFrom('dead_emails')
      .select('resolution')
      .where('email_id', '=', sent)
      .execute();
    expect(resolved).toEqual([{ resolution: 'delivered' }]);
  });
});

describe('seeking', () => {
  it('writes nothing down in a dry run, and counts the same', async () => {
    const [sent, unknown] = [await email(), await email()];
    taken.set(sent, { generation: 1, attempt: 1 });
    const recovery = await begin('lost');
    const dry = await seek(recovery, true);
    expect(dry).toMatchObject({ judged: 2, sent: 1, unknown: 1 });
    expect(await countItems(database.db, recovery.id)).toMatchObject({ sent: 0, unknown: 0 });
    expect([await placeOf(sent), await placeOf(unknown)]).toEqual(['waiting', 'waiting']);
    expect((await openRecovery(database.db))!.soughtAt).toBeNull();
    expect(await seek(recovery)).toMatchObject({ sent: 1, unknown: 1 });
  });

  it('goes on where it was killed, and adopts nothing twice', async () => {
    const ids = [await email(), await email(), await email()];
    for (const id of ids) taken.set(id, { generation: 1, attempt: 1 });
    const recovery = await begin('lost');
    // Killed after the first: its judgement is committed, with what follows.
    await sql`insert into recovery_items (recovery_id, email_id, verdict, evidence)
      values (${recovery.id}, ${ids[0]}, 'unknown', 'no_evidence')`.execute(database.db);
    expect(await seek(recovery)).toMatchObject({ judged: 2, of: 2, sent: 2 });
    expect(await seek(recovery)).toMatchObject({ judged: 0, sent: 0 });
    const counters = await database.db.selectFrom('counters').select(['name', 'value']).execute();
    expect(counters).toEqual([{ name: 'adopted_attempts', value: 2 }]);
  });

  it('judges nothing while a provider cannot be asked: its silence is no evidence', async () => {
    const id = await email();
    const recovery = await begin('lost');
    takeProviderDown();
    await expect(seek(recovery)).rejects.toThrow('mailgun could not be asked');
    expect(await verdictOf(recovery, id)).toBeUndefined();
    expect(await finishRecovery(database.db, DOER)).toBe('not_sought');
  });

  it('refuses to take a new namespace for intact data', async () => {
    await email();
    const recovery = await begin();
    await database.db.updateTable('temporal_namespaces').set({ namespace_id: randomUUID() }).execute();
    await expect(seek(recovery)).rejects.toThrow('Temporal is not intact');
  });
});
