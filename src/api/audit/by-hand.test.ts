import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type OperatedApi, startOperatedApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { insertQueuedEmail } from '../../../test/support/emails.js';
import type { ListedAct } from '../../domain/audit/listed.js';

/** Acts of more than one transaction, or of more than one e-mail. */
let api: OperatedApi;
let operator: OperatedApi['operator'];
let owner: OperatedApi['client'];
let keyId: string;
beforeAll(async () => {
  api = await startOperatedApi();
  ({ operator, client: owner } = api);
  ({ id: keyId } = await api.db
    .selectFrom('api_keys')
    .select('id')
    .where('client_id', '=', operator.id)
    .executeTakeFirstOrThrow());
});
afterAll(() => api?.stop());

const queued = () => insertQueuedEmail(api.db, { clientId: owner.id });
const rows = () => api.db.selectFrom('audit_log').selectAll().orderBy('id').execute();
afterEach(() => api.db.deleteFrom('audit_log').execute());

async function listed(query: string): Promise<ListedAct[]> {
  const response = await api.get(`/api/admin/audit${query}`, operator.key);
  expect(response.status).toBe(200);
  return ((await response.json()) as { acts: ListedAct[] }).acts;
}

describe('a resend', () => {
  it('is found by the old e-mail and by the new one; a repeat under its Idempotency-Key is no second', async () => {
    const id = await queued();
    const resend = () => api.post(`/api/email/${id}/resend`, {}, operator.key, { 'Idempotency-Key': `again-${id}` });
    const { id: anew } = (await (await resend()).json()) as { id: string };
    expect((await resend()).headers.get('idempotent-replayed')).toBe('true');
    expect(await listed(`?target=${id}`)).toMatchObject([{ action: 'email.resend', key_id: keyId }]);
    expect(await listed(`?target=${anew}`)).toMatchObject([{ before: null, after: { client_id: owner.id } }]);
    expect(await rows()).toHaveLength(2);
  });

  it('that is refused leaves neither an e-mail nor a row', async () => {
    const { id: clientId } = await insertClient(api.db);
    await api.db.updateTable('clients').set({ daily_limit_medium: 1 }).where('id', '=', clientId).execute();
    const id = await insertQueuedEmail(api.db, { clientId });
    const resend = () => api.post(`/api/email/${id}/resend`, {}, operator.key);
    expect([(await resend()).status, (await resend()).status]).toEqual([200, 429]);
    expect(await api.db.selectFrom('emails').select('id').where('resend_of', '=', id).execute()).toHaveLength(1);
    expect(await rows()).toHaveLength(2);
  });

  it('and its rows are one transaction: what cannot be written down is not sent', async () => {
    await sql`alter table audit_log add constraint full_disk check (action <> 'email.resend')`.execute(api.db);
    try {
      const id = await queued();
      expect((await api.post(`/api/email/${id}/resend`, {}, operator.key)).status).toBe(500);
      expect(await api.db.selectFrom('emails').select('id').where('resend_of', '=', id).execute()).toEqual([]);
    } finally {
      await sql`alter table audit_log drop constraint full_disk`.execute(api.db);
    }
  });
});

describe('that somebody is forgotten', () => {
  it('is written down before anything is removed, so that nothing can be gone without its row', async () => {
    const id = await insertQueuedEmail(api.db, { clientId: owner.id, receiver: 'gone@example.org' });
    await sql`alter table forgotten_emails add constraint full_disk check (false) not valid`.execute(api.db);
    try {
      const request = { address: 'gone@example.org', reason: 'asked for it' };
      expect((await api.post('/api/admin/personal-data/forget', request, operator.key)).status).toBe(500);
    } finally {
      await sql`alter table forgotten_emails drop constraint full_disk`.execute(api.db);
    }
    expect(await api.db.selectFrom('emails').select('id').where('id', '=', id).execute()).toHaveLength(1);
    expect(await listed('?target=gone@example.org')).toMatchObject([{ action: 'person.forget' }]);
  });
});
