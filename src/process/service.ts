import type { Logger } from 'pino';
import { type Config, ConfigError, loadConfig } from '../config.js';
import { Health } from './health.js';
import { createLogger } from './log.js';
import { measureProcess } from './metrics/registry.js';
import { type Sample, serveMonitoring } from './metrics/server.js';
import { createQuietLog } from './quiet-log.js';
import { startTracing, traceFields } from './tracing/tracing.js';

/** What a process hands back once it runs: how to end it in order. */
export type Stop = () => Promise<void>;

/** What a process adds to what it answers on `METRICS_PORT`. */
export interface Monitoring {
  /** Adds to `/metrics`. */
  addSample(sample: Sample): void;
  /** Adds a page of JSON. */
  addPage(path: `/${string}`, page: () => Promise<unknown>): void;
  /** What `/healthz` and `/readyz` look at. */
  readonly health: Pick<Health, 'lives' | 'needs'>;
}

/**
 * Runs one process of the system: configuration, logger, start, and an orderly stop on SIGTERM or SIGINT (exit 0).
 * With `METRICS_PORT` it answers `GET /metrics`, `/healthz` and `/readyz` there, from before its start to its end. A fault
 * at the start is printed plainly and ends with exit 1; a supervisor or orchestrator starts it again.
 */
export async function runService(
  name: string,
  start: (config: Config, logger: Logger, monitoring: Monitoring) => Promise<Stop>,
): Promise<void> {
  const config = configOrExit();
  const logger = createLogger(name, config.logLevel, config.traces ? traceFields : undefined);
  process.on('unhandledRejection', (error) => {
    // Unknown state: better to start anew, since everything accepted continues from the record.
    logger.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });
  try {
    const stopTracing = config.traces ? await traceInto(name, logger) : undefined;
    const { monitoring, health, stopMonitoring } = await startMonitoring(name, config, logger);
    const stop = await start(config, logger, monitoring);
    health.started();
    logger.info('started');
    let stopping = false;
    const end = async (signal: string) => {
      if (stopping) return;
      stopping = true;
      health.stopping();
      logger.info({ signal }, 'stopping');
      await stop().catch((error) => logger.error({ err: error }, 'not stopped in order'));
      // After all its work: whoever watches sees that it is ending, and does not take that for dead.
      await stopMonitoring?.();
      await stopTracing?.();
      logger.info('stopped');
      process.exit(0);
    };
    process.on('SIGTERM', () => void end('SIGTERM'));
    process.on('SIGINT', () => void end('SIGINT'));
  } catch (error) {
    logger.fatal({ err: error }, 'could not start');
    process.exit(1);
  }
}

function configOrExit(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** A collector that is away is said once, and again when it has lasted a minute. */
async function traceInto(name: string, logger: Logger): Promise<() => Promise<void>> {
  const quiet = createQuietLog(logger);
  return startTracing(name, () => quiet.warn({}, 'spans could not be exported'));
}

async function startMonitoring(name: string, { host, metricsPort }: Config, logger: Logger) {
  const health = new Health();
  const samples: Sample[] = [];
  const pages = new Map<string, () => Promise<unknown>>();
  const monitoring: Monitoring = {
    addSample: (sample) => void samples.push(sample),
    addPage: (path, page) => void pages.set(path, page),
    health,
  };
  if (!metricsPort) return { monitoring, health, stopMonitoring: undefined };
  measureProcess(name);
  const stopMonitoring = await serveMonitoring(host, metricsPort, { health, samples, pages }, logger);
  return { monitoring, health, stopMonitoring };
}
