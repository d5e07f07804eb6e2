import { createServer } from 'node:net';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { quietly } from './log.js';
import { exportSdkMetricsAt } from './sdk-metrics.js';

/** Between the choice of a free port and its use somebody else may take it. */
const TRIES = 5;

/** The names that Prometheus' conventions ask for: seconds, and counters that end in `_total`. */
const CONVENTIONS = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };

let installed: Promise<void> | undefined;

/**
 * Prepares Temporal's SDK and its native core: their log goes to ours, as JSON lines like any other, and, where it is
 * wanted, their metrics can be read. Once a process, before anything else of Temporal's is made; calls after the first
 * do nothing.
 */
export function prepareRuntime(logger: Logger, measured: boolean): Promise<void> {
  installed ??= install(logger, measured);
  return installed;
}

async function install(logger: Logger, measured: boolean): Promise<void> {
  const options = {
    // Our processes end in an order of their own.
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', quietly(logger)),
  };
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  for (let tries = 1; measured && tries <= TRIES; tries++) {
    try {
      const bindAddress = `127.0.0.1:${await freePort()}`;
      const metrics = { attachServiceName: false, prometheus: { ...CONVENTIONS, bindAddress } };
      Runtime.install({ ...options, telemetryOptions: { logging, metrics } });
      exportSdkMetricsAt(bindAddress);
      return;
    } catch {
      // Mail must not wait for a number: at the worst there are none.
    }
  }
  if (measured) logger.error('no metrics of Temporal’s SDK: no port of 127.0.0.1 could be used');
  Runtime.install({ ...options, telemetryOptions: { logging } });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
