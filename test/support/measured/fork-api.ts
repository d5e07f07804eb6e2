import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** An api in a process of its own, so that its memory is nobody else's. */
export interface MeasuredApi {
  readonly process: ChildProcess;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** @param nodeOptions for its process, beside what it needs to run the sources. */
export async function forkMeasuredApi(databaseUrl: string, ...nodeOptions: string[]): Promise<MeasuredApi> {
  const child = fork(fileURLToPath(new URL('./measured-api.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx', ...nodeOptions],
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: databaseUrl },
  });
  const [port] = (await once(child, 'message')) as [number];
  const stop = async () => {
    if (!child.connected) return;
    child.send('stop');
    await once(child, 'exit');
  };
  return { process: child, port, stop };
}
