import { pino } from 'pino';

/** A logger whose lines are kept, parsed, in the order in which they were written. */
export function keepLines() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { logger: pino({ level: 'info' }, { write }), lines };
}
