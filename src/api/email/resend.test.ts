import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendDocument, startTestApi, type TestApi } from '../../../test/support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const idOf = async (answer: Response) => ((await answer.json()) as { id: string }).id;
const submit = async (changes: object) => idOf(await sendDocument(api, changes));
const resend = async (id: string) => idOf(await api.post(`/api/email/${id}/resend`));
const bodiesOf = (id: string) =>
  api.db
    .selectFrom('emails')
    .select(['content', 'content_type', 'alternative', 'headers', 'reply_to', 'track_opens'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();

describe('POST /api/email/{id}/resend of an e-mail that was submitted as JSON', () => {
  it('takes along text and HTML, headers, and that opens are not tracked', async () => {
    const given = { text: 'Text', html: '<p>HTML</p>', headers: { 'X-Order': 'Größe' }, track_opens: false };
    const id = await submit({ ...given, reply_to: 'help@example.com' });
    const again = await bodiesOf(await resend(id));
    expect(again).toEqual({
      ...{ content: '<p>HTML</p>', content_type: 'text/html', alternative: 'Text' },
      ...{ headers: { 'X-Order': 'Größe' }, reply_to: 'help@example.com', track_opens: false },
    });
    expect(again).toEqual(await bodiesOf(id));
  });

  it.each(['text', 'html'])('with %s alone, has nothing that was not submitted', async (body) => {
    const id = await submit({ text: undefined, [body]: '<p>only</p>' });
    const again = await bodiesOf(await resend(id));
    expect(again).toEqual(await bodiesOf(id));
    expect(again).toMatchObject({ alternative: null, headers: null, track_opens: null });
  });

  it('is tracked as it was, whatever its client has set meanwhile', async () => {
    const [tracked, untracked] = [await submit({}), await submit({ track_opens: false })];
    const set = (value: boolean) =>
      api.db.updateTable('clients').set({ track_opens: value }).where('id', '=', api.client.id).execute();
    await set(false);
    expect(await bodiesOf(await resend(tracked))).toMatchObject({ track_opens: null });
    await set(true);
    expect(await bodiesOf(await resend(untracked))).toMatchObject({ track_opens: false });
  });
});
