import type { Logger } from 'pino';

/** A task repeated until it is stopped. */
export interface Loop {
  /** Runs it now rather than at the end of its pause. */
  wake(): void;
  /** Ends it once the run under way is over. */
  stop(): Promise<void>;
}

/**
 * Repeats a task. A run that throws is followed by a growing pause (0.2 s to 5 s): whatever is down (the
 * database, Temporal) comes back, and the loop goes on.
 *
 * @param run returns how long to pause, in milliseconds; 0 to go on at once.
 */
export function repeat(name: string, run: () => Promise<number>, logger: Pick<Logger, 'info' | 'warn'>): Loop {
  let stopped = false;
  let woken = false;
  let endPause: (() => void) | undefined;
  let failures = 0;

  const wake = () => {
    woken = true;
    endPause?.();
  };
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const once = async (): Promise<number> => {
    try {
      const pauseMs = await run();
      if (failures > 1) logger.info({ task: name, failures }, 'works again');
      failures = 0;
      return pauseMs;
    } catch (error) {
      failures++;
      // At each power of two: an outage of an hour is eleven lines, not hundreds.
      if (Number.isInteger(Math.log2(failures))) {
        logger.warn({ task: name, code: codeOf(error), failures }, 'failed; will be repeated');
      }
      return Math.min(200 * 2 ** failures, 5_000);
    }
  };
  const ended = (async () => {
    while (!stopped) {
      woken = false;
      const pauseMs = await once();
      if (!stopped && !woken && pauseMs > 0) await pause(pauseMs);
      endPause = undefined;
    }
  })();
  return {
    wake,
    async stop() {
      stopped = true;
      wake();
      await ended;
    },
  };
}

/** A word for the log: a code where there is one, never a message, which may quote data. */
function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string | number; name?: string };
  return String(code ?? name ?? 'unknown');
}
