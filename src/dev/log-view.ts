/** What a line of a process is worth on a terminal. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: '',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

/** The same on every line of a process, said by the prefix, or of use only to a log store. */
const OMITTED = new Set(['level', 'time', 'pid', 'hostname', 'service', 'msg', 'requestId', 'clientId']);

const COLOURS = { dim: 2, red: 31, yellow: 33, cyan: 36, bold: 1 } as const;

/** Wraps a text in a terminal colour, if `on`. */
export function colour(name: keyof typeof COLOURS, text: string, on: boolean): string {
  return on ? `\u001b[${COLOURS[name]}m${text}\u001b[0m` : text;
}

/**
 * Whether a line is worth showing to someone who has not asked for a log level: everything but requests that only
 * read and went well, such as those of a page that follows an e-mail.
 */
export function isWorthShowing(line: string): boolean {
  const entry = parseEntry(line);
  return !entry || Number(entry.level) > 30 || entry.method !== 'GET' || Number(entry.status) >= 400;
}

/** How a missing PostgreSQL (ending, starting up, unreachable) or Temporal is called. */
const ABSENCE = /^(57P0[1-3]|08\w{3}|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|Unavailable|14)$/;
/** What may be missing here is a provider. */
const OF_PROVIDERS = new Set(['call failed', 'breaker opened', 'the provider could not be asked']);

/** Whether a line says that PostgreSQL or Temporal is missing, and nothing else. */
export function isTroubleOf(line: string): boolean {
  const entry = parseEntry(line);
  if (!entry || OF_PROVIDERS.has(String(entry.msg))) return false;
  const { level, code, msg } = entry;
  if (
    /^(database connection lost|failed; will be repeated|works again)/.test(String(msg)) ||
    entry.sdkComponent === 'core'
  )
    return true;
  return Number(level) === 40 && ABSENCE.test(String(code));
}

/**
 * One line of a process, as a person reads it: time, process, message, ids. JSON lines (pino) are taken apart, others
 * are shown as they are.
 *
 * @param columns the width of the widest process name.
 */
export function formatLine(name: string, line: string, columns: number, colours: boolean): string {
  const prefix = (time: string) => `${colour('dim', time, colours)} ${colour('cyan', name.padEnd(columns), colours)} `;
  const entry = parseEntry(line);
  if (!entry) return `${prefix(clock(new Date()))}${line}`;
  const level = LEVELS[Number(entry.level)] ?? String(entry.level);
  const mark = level && `${colour(Number(entry.level) >= 50 ? 'red' : 'yellow', level, colours)} `;
  const fields = Object.entries(entry)
    .filter(([key]) => !OMITTED.has(key))
    .map(([key, value]) => `${key}=${brief(value)}`);
  const tail = fields.length > 0 ? ` ${colour('dim', fields.join(' '), colours)}` : '';
  return `${prefix(clock(new Date(entry.time as string)))}${mark}${String(entry.msg ?? '')}${tail}`;
}

/** A sentence of the supervisor's own, in the same shape. */
export function formatSentence(name: string, sentence: string, columns: number, colours: boolean): string {
  return `${colour('dim', clock(new Date()), colours)} ${colour('cyan', name.padEnd(columns), colours)} ${sentence}`;
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return typeof entry.level === 'number' ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** The local time of day: dates are of no use to someone who watches. */
function clock(at: Date): string {
  const time = Number.isNaN(at.getTime()) ? new Date() : at;
  return time.toTimeString().slice(0, 8);
}

/** An error is its code or message; its stack is in the process's own JSON. */
function brief(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { code, message } = value as { code?: unknown; message?: unknown };
  if (message !== undefined) return JSON.stringify([code, message].filter(Boolean).join(' ').split('\n')[0]);
  return JSON.stringify(value);
}
