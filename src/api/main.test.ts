import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendForm, storedRows } from '../../test/support/api.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { freePort } from '../../test/support/ports.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('accepts mail while Temporal is down, logs no personal data, and ends with 0 when told to', async () => {
  const port = await freePort();
  const key = 'a-bootstrap-key-for-tests';
  const api = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      API_PORT: String(port),
      BOOTSTRAP_API_KEY: key,
      PROVIDERS: 'smtp',
      SMTP_URL: 'smtp://127.0.0.1:1',
      STORAGE_DIR: '/nowhere',
      LOG_LEVEL: 'trace',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(api, 'exit');
  const log: string[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      createInterface(api.stdout).on('line', (line) => {
        log.push(line);
        if (line.includes('"started"')) resolve();
      });
      exit.then(() => reject(new Error(log.join('\n'))));
    });
    const headers = { Authorization: `Bearer ${key}` };
    const url = `http://127.0.0.1:${port}/api/send`;
    const response = await fetch(url, { method: 'POST', headers, body: sendForm({}, new Blob(['x'])) });
    expect(response.status).toBe(200);
    expect((await fetch(url, { method: 'POST', headers, body: sendForm({ receiver: 'ada' }) })).status).toBe(422);
    expect(await storedRows(database.db)).toMatchObject({ emails: 1, email_queue: 1 });
  } finally {
    api.kill('SIGTERM');
  }
  expect(await exit).toEqual([0, null]);
  expect(log.join('\n')).toMatch(/"code":"invalid_fields"/);
  expect(log.join('\n')).not.toMatch(new RegExp(`@example|Your order|on its way|invoice|${key}`));
});
