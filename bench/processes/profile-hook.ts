import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** Loaded into a process before its own code: profiles it from one SIGUSR2 to the next. */
const folder = process.env.PROFILE_DIR;
if (isMainThread && folder) {
  const session = new Session();
  let running = false;
  process.on('SIGUSR2', async () => {
    if (running) {
      const { profile } = await session.post('Profiler.stop');
      writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(profile));
      return;
    }
    running = true;
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
  });
}
