import type { LogFn, Logger } from 'pino';

/** A repetition within this is the same trouble; after it, the trouble is over. */
const QUIET_MS = 15_000;
/** While it lasts, a line so often says how much of it there was. */
const REPORT_MS = 60_000;
/** Codes are few; should something make them up, the log is not to grow with them. */
const MAX_KINDS = 100;

type Level = 'info' | 'warn' | 'error';
type Fields = Readonly<Record<string, unknown>>;

interface QuietLog extends Pick<Logger, Level> {
  /** Says what is still counted, and ends. */
  stop(): void;
}

/** What is being repeated: a message with a code. */
interface Kind {
  readonly level: Level;
  readonly message: string;
  readonly code: unknown;
  readonly sinceMs: number;
  lastMs: number;
  reportedMs: number;
  /** Since the last line. */
  repeated: number;
  /** Since the first line, and with it. */
  times: number;
}

/**
 * A log that does not repeat itself: whoever can make trouble a thousand times a second must not fill it, and what is
 * wrong is to be read in one line. The first entry of a kind is written as it is; while it goes on, a line a minute
 * counts; when nothing more of it came for a while, one says that it is over. A kind is a message with its `code`.
 */
export function createQuietLog(
  logger: Pick<Logger, Level>,
  { quietMs = QUIET_MS, reportMs = REPORT_MS }: { quietMs?: number; reportMs?: number } = {},
): QuietLog {
  const kinds = new Map<string, Kind>();

  const note = (level: Level, fields: Fields, message: string) => {
    const now = performance.now();
    const key = kinds.size < MAX_KINDS ? `${level} ${message} ${fields.code}` : level;
    const kind = kinds.get(key);
    if (kind) {
      kind.lastMs = now;
      kind.repeated++;
      kind.times++;
      return;
    }
    const times = { repeated: 0, times: 1 };
    kinds.set(key, { level, message, code: fields.code, sinceMs: now, lastMs: now, reportedMs: now, ...times });
    logger[level](fields, message);
  };

  const look = (isEnd: boolean) => {
    const now = performance.now();
    for (const [key, kind] of kinds) {
      const isOver = isEnd || now - kind.lastMs >= quietMs;
      if (!isOver && now - kind.reportedMs < reportMs) continue;
      if (isOver) kinds.delete(key);
      report(kind, isOver && !isEnd);
      kind.reportedMs = now;
      kind.repeated = 0;
    }
  };

  const report = (kind: Kind, isOver: boolean) => {
    const { level, message, code, times, repeated } = kind;
    const lastedS = Math.round((kind.lastMs - kind.sinceMs) / 1000);
    // What came once has been said.
    if (times === 1) return;
    if (isOver) logger.info({ code, times, lastedS }, `${message}: over`);
    else if (repeated > 0) logger[level]({ code, repeated, times, lastedS }, `${message}: goes on`);
  };

  const noteAt = (level: Level): LogFn => {
    return (fields: unknown, message?: unknown) => note(level, fields as Fields, String(message));
  };
  const timer = setInterval(() => look(false), Math.min(quietMs, 1_000)).unref();
  return {
    info: noteAt('info'),
    warn: noteAt('warn'),
    error: noteAt('error'),
    stop() {
      clearInterval(timer);
      look(true);
    },
  };
}
