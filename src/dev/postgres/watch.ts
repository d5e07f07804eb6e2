import pg from 'pg';
import type { RunningPostgres } from './server.js';

/** How often it is looked, and how often in a row it must have been found ending before it is helped. */
const LOOK_EVERY_MS = 2_000;
const LOOKS = 3;

/**
 * Notices a server that is shutting down and does not come to its end. Somebody's `kill PID` asks PostgreSQL to end when
 * all sessions have: our processes keep theirs, new ones are refused, and so it would go on for ever. It is then ended
 * in order, and whoever supervises it starts it again.
 *
 * @param say told what was noticed.
 */
export function endWhenStuck(
  server: Pick<RunningPostgres, 'url' | 'exited' | 'stop'>,
  say: (sentence: string) => void,
  everyMs = LOOK_EVERY_MS,
): void {
  let ending = 0;
  const timer = setInterval(() => void look(), everyMs).unref();
  void server.exited.then(() => clearInterval(timer));
  const look = async () => {
    ending = (await isShuttingDown(server.url, everyMs)) ? ending + 1 : 0;
    if (ending < LOOKS) return;
    clearInterval(timer);
    say('is shutting down and waits for sessions that will not end; ending them');
    await server.stop();
  };
}

/** Only its own word counts: a server that is busy or frozen is not one that ends. */
async function isShuttingDown(url: string, withinMs: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: withinMs });
  client.on('error', () => {});
  try {
    await client.connect();
    return false;
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    return code === '57P03' && /shutting down/.test(message ?? '');
  } finally {
    await client.end().catch(() => {});
  }
}
