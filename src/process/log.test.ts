import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const log = fileURLToPath(new URL('./log.ts', import.meta.url));
let pid: number | undefined;

afterEach(() => {
  try {
    if (pid) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
});

it('lets a process end whose log nobody reads any more', async () => {
  const code = `
    import { createLogger } from ${JSON.stringify(log)};
    const logger = createLogger('test', 'info');
    process.on('SIGTERM', () => { logger.info('stopping'); logger.info('stopped'); process.exit(0); });
    setInterval(() => {}, 1000);
    logger.info('started');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  pid = child.pid;
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
