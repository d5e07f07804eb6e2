import { type Logger, pino } from 'pino';

/**
 * One JSON line per entry, on standard output. Log ids and codes; never addresses, subjects, contents, filenames,
 * keys, or a provider's sentence.
 *
 * @param service the process: `api`, `webhooks`, `dispatcher`, `worker-critical` …
 */
export function createLogger(service: string, level: string): Logger {
  return pino({ level, base: { service }, timestamp: pino.stdTimeFunctions.isoTime });
}
