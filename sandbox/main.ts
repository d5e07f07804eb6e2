import { loadSandboxOptions } from './config.js';
import { startSandbox } from './server.js';

/** The provider sandbox as a process of its own. */
async function main(): Promise<void> {
  const sandbox = await startSandbox(loadSandboxOptions());
  process.stdout.write(`sandbox: ${sandbox.url}/sandbox${sandbox.inboxUrl ? `, inbox ${sandbox.inboxUrl}` : ''}\n`);
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await sandbox.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
