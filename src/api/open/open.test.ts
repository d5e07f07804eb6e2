import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendForm, startTestApi, type TestApi } from '../../../test/support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** An e-mail that a provider has taken. */
async function sentEmail(): Promise<string> {
  const { id } = (await (await api.send(sendForm())).json()) as { id: string };
  const at = new Date();
  await api.db
    .insertInto('send_attempts')
    .values({
      email_id: id,
      generation: 1,
      attempt: 1,
      provider: 'mailgun',
      state: 'accepted',
      started_at: at,
      call_until: at,
      finished_at: at,
      provider_message_id: 'message-1',
      code: null,
    })
    .execute();
  return id;
}

const typesOf = (emailId: string) =>
  api.db.selectFrom('email_events').select('type').where('email_id', '=', emailId).orderBy('recorded_at').execute();

describe('GET /api/email/{id}/open', () => {
  it('answers with an image that nobody keeps, needs no key, and records the open', async () => {
    const id = await sentEmail();
    const response = await fetch(`${api.url}/api/email/${id}/open`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/gif');
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect(
      Buffer.from(await response.arrayBuffer())
        .subarray(0, 6)
        .toString(),
    ).toBe('GIF89a');
    expect(await typesOf(id)).toEqual([{ type: 'queued' }, { type: 'opened' }]);
    expect(await (await api.get(`/api/email/${id}`)).json()).toMatchObject({ status: 'opened' });
    // The dispatcher passes it on to the workflow.
    const signals = await api.db.selectFrom('pending_signals').select(['email_id', 'kind']).execute();
    expect(signals).toContainEqual({ email_id: id, kind: 'opened' });
  });

  it('records nothing for HEAD', async () => {
    const id = await sentEmail();
    expect((await fetch(`${api.url}/api/email/${id}/open`, { method: 'HEAD' })).status).toBe(200);
    expect(await typesOf(id)).toEqual([{ type: 'queued' }]);
  });

  it.each(['019a0000-0000-7000-8000-000000000000', 'no-uuid', '%zz', '%00', '%0d%0a'])(
    'answers with the image for the id %s',
    async (id) => {
      const response = await fetch(`${api.url}/api/email/${id}/open`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('image/gif');
    },
  );
});
