import type { Logger } from 'pino';
import { type Config, ConfigError, loadConfig } from '../config.js';
import { createLogger } from './log.js';
import { measureProcess } from './metrics/registry.js';
import { type Sample, serveMetrics } from './metrics/server.js';

/** What a process hands back once it runs: how to end it in order. */
export type Stop = () => Promise<void>;

/** Adds to what the process answers at `/metrics`. */
type AddSample = (sample: Sample) => void;

/**
 * Runs one process of the system: configuration, logger, start, and an orderly stop on SIGTERM or SIGINT (exit 0).
 * With `METRICS_PORT` it answers `GET /metrics` there. A fault at the start is printed plainly and ends with exit 1; a supervisor or orchestrator starts it again.
 */
export async function runService(
  name: string,
  start: (config: Config, logger: Logger, addSample: AddSample) => Promise<Stop>,
): Promise<void> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
  const logger = createLogger(name, config.logLevel);
  process.on('unhandledRejection', (error) => {
    // Unknown state: better to start anew, since everything accepted continues from the record.
    logger.fatal({ err: error }, 'unhandled rejection');
    process.exit(1);
  });
  try {
    const samples: Sample[] = [];
    const stop = await start(config, logger, (sample) => void samples.push(sample));
    const stopMetrics = await startMetrics(name, config, samples, logger);
    logger.info('started');
    let stopping = false;
    const end = async (signal: string) => {
      if (stopping) return;
      stopping = true;
      logger.info({ signal }, 'stopping');
      await stop().catch((error) => logger.error({ err: error }, 'not stopped in order'));
      await stopMetrics?.();
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

async function startMetrics(name: string, { host, metricsPort }: Config, samples: readonly Sample[], logger: Logger) {
  if (!metricsPort) return undefined;
  measureProcess(name);
  return serveMetrics(host, metricsPort, samples, logger);
}
