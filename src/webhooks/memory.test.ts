import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { patient } from '../../test/support/patience.js';
import { answerOf } from '../../test/support/record.js';
import { insertEmail, mailgunBody, mailgunEvent, postMailgun } from '../../test/support/webhooks.js';

const MB = 1024 * 1024;

let database: TestDatabase;
let service: ChildProcess;
let url: string;
beforeAll(async () => {
  database = await createTestDatabase();
  service = fork(fileURLToPath(new URL('../../test/support/measured/measured-webhooks.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx', '--max-old-space-size=128'],
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
  });
  const [port] = (await once(service, 'message')) as [number];
  url = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  if (service.connected) {
    service.send('stop');
    await once(service, 'exit');
  }
  await database.drop();
});

/** The most memory the process has had since the last question, in bytes. */
async function peakBytes(): Promise<number> {
  service.send('measure');
  const [bytes] = (await once(service, 'message')) as [number];
  return bytes;
}

async function genuine(): Promise<number> {
  const email = await insertEmail(database.db, [{ provider: 'mailgun', state: 'accepted' }]);
  return (await postMailgun(url, mailgunBody(mailgunEvent(email, 'opened')))).status;
}

const FORM = 'application/x-www-form-urlencoded';
const parts = (count: number) => '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'.repeat(count);

it('a heap of 128 MB is enough, whatever unsigned bodies hold', { timeout: patient(120_000) }, async () => {
  const post = async (path: string, body: string, type: string) => {
    const headers = { 'content-type': type, 'x-mandrill-signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' };
    return answerOf(await fetch(`${url}/webhooks/${path}`, { method: 'POST', headers, body }));
  };
  expect(await genuine()).toBe(200);
  await peakBytes();
  expect(await genuine()).toBe(200);
  const before = await peakBytes();
  const answers = [
    await post('mandrill', 'a&'.repeat(8 * MB), FORM),
    await post('mandrill', `a=${'%41'.repeat(5 * MB)}`, FORM),
    await post('mandrill', parts(300_000), 'multipart/form-data; boundary=b'),
    await post('mailgun', 'a&'.repeat(MB / 2), FORM),
    await post('mailgun', parts(300_000), 'multipart/form-data; boundary=b'),
    await post('mailgun', `{"event-data":{"a":[${'{},'.repeat(MB / 4)}`, 'application/json'),
  ];
  expect(answers).toEqual([
    [400, 'not_understood'],
    [401, 'bad_signature'],
    [400, 'not_understood'],
    [400, 'not_understood'],
    [400, 'not_understood'],
    [401, 'bad_signature'],
  ]);
  const grownBytes = (await peakBytes()) - before;
  expect(grownBytes).toBeLessThan(100 * MB);
  expect(await genuine()).toBe(200);
  console.info(`memory grew by ${Math.round(grownBytes / MB)} MB`);
});
