import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  field,
  file,
  multipart,
  postRaw,
  sendForm,
  startTestApi,
  type TestApi,
  VALID_PARTS,
} from '../../../test/support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const accepted = async (response: Response) => {
  const body = await response.text();
  expect(response.status, body).toBe(200);
  return JSON.parse(body);
};
const emailRow = (id: string) => api.db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

describe('POST /api/send', () => {
  it('answers with exactly the contract’s fields', async () => {
    const response = await api.send(sendForm());
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const answer = await accepted(response);
    expect(Object.keys(answer)).toEqual(['id', 'status', 'priority', 'created_at', 'deadline_at']);
    expect(answer).toMatchObject({ status: 'queued', priority: 'medium' });
    expect(answer.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it.each([
    ['critical', 15],
    ['medium', 900],
    ['low', 3600],
  ])('sets the deadline of a %s e-mail %i seconds after its acceptance', async (priority, seconds) => {
    const answer = await accepted(await api.send(sendForm({ priority })));
    expect(Date.parse(answer.deadline_at) - Date.parse(answer.created_at)).toBe(seconds * 1000);
  });

  it('has stored e-mail, event and queue entry by the time it answers', async () => {
    const answer = await accepted(
      await api.send(
        sendForm({
          sender: '"Sales, north" <sales@example.com>',
          receiver: 'Ada@Example.org',
          priority: 'critical',
          content_type: 'text/html',
          content: '<p>Grüße</p>',
          reply_to: 'Help <help@example.com>',
          metadata: '{"order": 17, "nested": {"list": [1, null]}}',
          tags: 'welcome, trial',
        }),
      ),
    );
    expect(await emailRow(answer.id)).toMatchObject({
      client_id: api.client.id,
      priority: 'critical',
      sender: '"Sales, north" <sales@example.com>',
      receiver: 'Ada@Example.org',
      receiver_address: 'ada@example.org',
      content: '<p>Grüße</p>',
      content_type: 'text/html',
      reply_to: 'Help <help@example.com>',
      metadata: { order: 17, nested: { list: [1, null] } },
      tags: ['welcome', 'trial'],
      status: 'queued',
      generation: 1,
      created_at: new Date(answer.created_at),
      due_at: new Date(answer.created_at),
      deadline_at: new Date(answer.deadline_at),
    });
    const events = await api.db.selectFrom('email_events').selectAll().where('email_id', '=', answer.id).execute();
    expect(events).toMatchObject([{ event_key: 'tempost:g1:queued', type: 'queued', generation: 1, attempt: null }]);
    const queue = await api.db.selectFrom('email_queue').selectAll().where('email_id', '=', answer.id).execute();
    expect(queue).toMatchObject([
      { state: 'waiting', priority: 'critical', generation: 1, due_at: new Date(answer.created_at) },
    ]);
  });

  it('stages an attachment byte for byte, with its hash, under the e-mail’s id', async () => {
    const bytes = Buffer.alloc(700_001, 'not a multiple of a chunk ');
    const form = sendForm({}, new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'Überweisung 50%.png');
    const { id } = await accepted(await api.send(form));
    const row = await api.db.selectFrom('attachments').selectAll().where('email_id', '=', id).executeTakeFirst();
    expect(row).toMatchObject({
      filename: 'Überweisung 50%.png',
      content_type: 'image/png',
      size_bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      storage_path: null,
    });
    const chunks = await api.db
      .selectFrom('attachment_chunks')
      .select(['seq', 'data'])
      .where('email_id', '=', id)
      .orderBy('seq')
      .execute();
    expect(chunks.map((chunk) => chunk.seq)).toEqual([0, 1, 2]);
    expect(Buffer.concat(chunks.map((chunk) => chunk.data)).equals(bytes)).toBe(true);
  });

  it('takes fields that follow the attachment', async () => {
    const { id } = await accepted(await postRaw(api, multipart([file('a.pdf'), ...VALID_PARTS])));
    expect(await emailRow(id)).toMatchObject({ subject: 'Your order' });
  });

  it('keeps only the name of a filename with folders', async () => {
    const parts = [...VALID_PARTS, file('../../etc/passwd')];
    const { id } = await accepted(await postRaw(api, multipart(parts)));
    const row = await api.db.selectFrom('attachments').select('filename').where('email_id', '=', id).executeTakeFirst();
    expect(row?.filename).toBe('passwd');
  });

  it('takes an attachment of exactly the limit, and a content whose lines look like delimiters', async () => {
    const bytes = new Blob([new Uint8Array(18 * 1024 * 1024)]);
    await accepted(await api.send(sendForm({}, bytes)));
    const parts = [...VALID_PARTS.slice(0, 3), field('content', 'text\r\n--other\r\n--\r\nmore')];
    await accepted(await postRaw(api, multipart(parts)));
  });

  it('schedules by send_at: due then, with the deadline after it', async () => {
    const sendAt = new Date(Date.now() + 3_600_000);
    const answer = await accepted(await api.send(sendForm({ send_at: sendAt.toISOString(), priority: 'low' })));
    expect(answer.status).toBe('scheduled');
    expect(Date.parse(answer.deadline_at)).toBe(sendAt.getTime() + 3_600_000);
    expect(await emailRow(answer.id)).toMatchObject({ status: 'scheduled', due_at: sendAt });
    const events = await api.db.selectFrom('email_events').selectAll().where('email_id', '=', answer.id).execute();
    expect(events).toMatchObject([{ event_key: 'tempost:g1:scheduled', type: 'scheduled' }]);
  });

  it('takes a send_at of a moment ago as now', async () => {
    const sendAt = new Date(Date.now() - 30_000).toISOString();
    expect(await accepted(await api.send(sendForm({ send_at: sendAt })))).toMatchObject({ status: 'queued' });
  });

  it('wakes the dispatchers with the priority', async () => {
    const listener = new pg.Client({ connectionString: api.databaseUrl });
    await listener.connect();
    try {
      const woken = new Promise((resolve) => listener.on('notification', resolve));
      await listener.query('listen tempost_queue');
      await accepted(await api.send(sendForm({ priority: 'critical' })));
      expect(await woken).toMatchObject({ channel: 'tempost_queue', payload: 'critical' });
    } finally {
      await listener.end();
    }
  });
});
