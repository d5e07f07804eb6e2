import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendDocument, sendForm, startTestApi, type TestApi } from '../../../test/support/api.js';
import { insertClient } from '../../../test/support/database.js';
import { noteStored } from '../../domain/emails/attachments.js';
import { createFileStore } from '../../storage/file-store.js';

const BYTES = randomBytes(600_000);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let api: TestApi;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tempost-content-'));
  api = await startTestApi({}, { storage: { kind: 'file', bucket: '', emulatorUrl: undefined, directory } });
  await mayReadContent(api);
});
const SCOPES: ('send' | 'read' | 'content')[] = ['send', 'read', 'content'];

/** A key has this scope only when it was made with it. */
const mayReadContent = ({ db }: TestApi) => db.updateTable('api_keys').set({ scopes: SCOPES }).execute();

afterAll(async () => {
  await api?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function submit(changes: Record<string, string> = {}, attachment?: Blob, filename?: string): Promise<string> {
  const answer = await api.send(sendForm(changes, attachment, filename));
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { id: string }).id;
}
const attached = () => submit({}, new Blob([BYTES], { type: 'text/html' }), 'счёт.html');
const attachmentOf = (id: string, key?: string) => api.get(`/api/email/${id}/attachment`, key);

/** What a worker does: the attachment goes to the object store, and leaves the spool. */
async function store(id: string, bytes = BYTES): Promise<void> {
  const digest = { sizeBytes: bytes.length, sha256: sha256(bytes) };
  const open = () => Readable.from([bytes], { objectMode: false });
  const path = await createFileStore(directory).put(`attachments/${id}`, open, digest, 'text/html');
  await noteStored(api.db, id, path);
}

describe('GET /api/email/{id}/content', () => {
  it('shows what was submitted', async () => {
    const id = await submit({
      sender: 'Shop <shop@example.com>',
      content: 'Hello, Ada.',
      reply_to: 'help@example.com',
    });
    const answer = await api.get(`/api/email/${id}/content`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toStrictEqual({
      id,
      sender: 'Shop <shop@example.com>',
      receiver: 'ada@example.org',
      reply_to: 'help@example.com',
      subject: 'Your order',
      text: 'Hello, Ada.',
      html: null,
      headers: {},
      generated_text: null,
      content_removed_at: null,
    });
    const html = await submit({ content: '<p>Hello</p>', content_type: 'text/html' });
    expect(await (await api.get(`/api/email/${html}/content`)).json()).toMatchObject({
      text: null,
      html: '<p>Hello</p>',
      generated_text: 'Hello',
    });
  });

  it('shows headers of the client, and makes nothing where both bodies were submitted', async () => {
    const both = { text: 'Hello', html: '<p>Hello</p>', headers: { 'X-Shop': 'Tee & Kaffee' } };
    const sent = await sendDocument(api, both);
    const { id } = (await sent.json()) as { id: string };
    expect(await (await api.get(`/api/email/${id}/content`)).json()).toMatchObject({
      ...both,
      generated_text: null,
    });
  });

  it('is there for others while one client reads as many as it may, and none of it', async () => {
    const crowded = await startTestApi({ downloadsAtOnce: 4, downloadsWaiting: 0 });
    const readers = new AbortController();
    try {
      const other = await insertClient(crowded.db);
      await mayReadContent(crowded);
      // More than the buffers between the two hold.
      const long = { content: '"'.repeat(5_000_000), content_type: 'text/html' };
      const submitBy = async (key: string) => {
        const headers = { Authorization: `Bearer ${key}` };
        const sent = await crowded.send(sendForm(long), headers);
        const { id } = (await sent.json()) as { id: string };
        expect([sent.status, id]).toEqual([200, expect.any(String)]);
        return () => fetch(`${crowded.url}/api/email/${id}/content`, { headers, signal: readers.signal });
      };
      const [read, readOther] = [await submitBy(crowded.client.key), await submitBy(other.key)];
      const answers: Response[] = [];
      for (let count = 0; count < 4; count++) answers.push(await read());
      answers.push(await readOther());
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 503, 200]);
      for (const answer of answers.slice(0, 2)) expect((await answer.text()).length).toBeGreaterThan(10_000_000);
      await expect.poll(async () => (await read()).status).toBe(200);
    } finally {
      readers.abort();
      await crowded.stop();
    }
  });

  it('is there for its client and for operators only', async () => {
    const id = await submit();
    const [without, other, operator] = [
      await insertClient(api.db),
      await insertClient(api.db, { keyColumns: { scopes: SCOPES } }),
      await insertClient(api.db, { operator: true }),
    ];
    expect((await api.get(`/api/email/${id}/content`, operator.key)).status).toBe(200);
    const refused = await api.get(`/api/email/${id}/content`, other.key);
    expect([refused.status, await refused.json()]).toMatchObject([404, { code: 'email_not_found' }]);
    expect((await attachmentOf(id, other.key)).status).toBe(404);
    for (const what of ['content', 'attachment']) {
      const answer = await api.get(`/api/email/${id}/${what}`, without.key);
      expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
    }
  });
});

describe('GET /api/email/{id}/attachment', () => {
  it.each([
    ['the spool', async () => {}],
    ['the object store', store],
  ])('downloads the bytes from %s, as nothing that a browser would show', async (_, happen) => {
    const id = await attached();
    await happen(id);
    const answer = await attachmentOf(id);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(BYTES.length),
      'content-disposition': `attachment; filename="????.html"; filename*=UTF-8''${encodeURIComponent('счёт.html')}`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
    });
    expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(sha256(BYTES));
  });

  it('tells the size to a HEAD, and reads nothing', async () => {
    const id = await attached();
    const answer = await fetch(`${api.url}/api/email/${id}/attachment`, {
      method: 'HEAD',
      headers: { Authorization: `Bearer ${api.client.key}` },
    });
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(BYTES.length)]);
  });

  it('breaks off when the stored bytes are not what was accepted', async () => {
    const id = await attached();
    await store(id);
    await writeFile(join(directory, 'attachments', id), randomBytes(BYTES.length));
    const answer = await attachmentOf(id);
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });

  it('is refused plainly when there is none, or none to be read', async () => {
    const none = await attachmentOf(await submit());
    expect([none.status, await none.json()]).toMatchObject([404, { code: 'attachment_not_found' }]);
    const lost = await attached();
    await store(lost);
    await rm(join(directory, 'attachments', lost));
    const small = await submit({}, new Blob(['x']));
    await store(small, Buffer.from('x'));
    await writeFile(join(directory, 'attachments', small), 'y');
    for (const id of [lost, small]) {
      const answer = await attachmentOf(id);
      expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'attachment_unavailable' }]);
    }
  });

  it('gives its place up when a reader goes away, and turns away who finds none', async () => {
    const limits = { downloadsAtOnce: 1, downloadsWaiting: 0 };
    const narrow = await startTestApi(limits, {
      storage: { kind: 'file', bucket: '', emulatorUrl: undefined, directory },
    });
    try {
      await mayReadContent(narrow);
      const sent = await narrow.send(sendForm({}, new Blob([randomBytes(17_000_000)])));
      const { id } = (await sent.json()) as { id: string };
      const reader = new AbortController();
      const headers = { Authorization: `Bearer ${narrow.client.key}` };
      const address = `${narrow.url}/api/email/${id}/attachment`;
      const slow = await fetch(address, { headers, signal: reader.signal });
      expect(slow.status).toBe(200);
      const refused = await fetch(address, { headers });
      expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'too_many_downloads' }]);
      reader.abort();
      await expect.poll(async () => (await fetch(address, { headers })).status).toBe(200);
    } finally {
      await narrow.stop();
    }
    expect(await readdir(directory)).toContain('attachments');
  });

  it('is there for others while one client reads as many as it may, slowly', async () => {
    const limits = { downloadsAtOnce: 4, downloadsWaiting: 0 };
    const narrow = await startTestApi(limits, {
      storage: { kind: 'file', bucket: '', emulatorUrl: undefined, directory },
    });
    const readers = new AbortController();
    try {
      const other = await insertClient(narrow.db);
      await mayReadContent(narrow);
      // More than the buffers between the two hold.
      const submitBy = async (key: string) => {
        const auth = { Authorization: `Bearer ${key}` };
        const sent = await narrow.send(sendForm({}, new Blob([randomBytes(17_000_000)])), auth);
        const { id } = (await sent.json()) as { id: string };
        return () => fetch(`${narrow.url}/api/email/${id}/attachment`, { headers: auth, signal: readers.signal });
      };
      const [download, downloadOther] = [await submitBy(narrow.client.key), await submitBy(other.key)];
      // Kept until the end: fetch gives up an answer that nobody holds any more, and with it the place.
      const answers: Response[] = [];
      for (let count = 0; count < 4; count++) answers.push(await download());
      answers.push(await downloadOther());
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 503, 200]);
    } finally {
      readers.abort();
      await narrow.stop();
    }
  });
});
