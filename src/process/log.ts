import { type Logger, pino } from 'pino';

/**
 * One JSON line per entry, on standard output. Log ids and codes; never addresses, subjects, contents, filenames,
 * keys, or a provider's sentence.
 *
 * @param service the process: `api`, `webhooks`, `dispatcher`, `worker-critical` …
 * @param mixin what every line says besides.
 */
export function createLogger(service: string, level: string, mixin?: () => object): Logger {
  const options = { level, base: { service }, timestamp: pino.stdTimeFunctions.isoTime, mixin };
  // Written at once: with writes outstanding and nobody left to read them, pino's flush at the exit never ends.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
