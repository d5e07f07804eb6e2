import { expect, it } from 'vitest';
import { patient } from '../test/support/patience.js';
import { freePort } from '../test/support/ports.js';
import { startSandbox } from './server.js';

it('answers every call while it is still starting, and takes mail once it has', async () => {
  const port = await freePort();
  const starting = startSandbox({ port, inbox: true });
  const statuses: number[] = [];
  let done = false;
  const asking = (async () => {
    while (!done) {
      const answer = fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(patient(30_000)) });
      const status = await answer.then(
        (response) => response.status,
        // Not listening yet; a call that is left hanging ends as a TimeoutError.
        (error: Error) => (error.name === 'TimeoutError' ? -1 : 0),
      );
      statuses.push(status);
    }
  })();
  const sandbox = await starting;
  done = true;
  await asking;
  expect(statuses).not.toContain(-1);
  expect((await fetch(`${sandbox.url}/healthz`)).status).toBe(200);
  await sandbox.stop();
});
