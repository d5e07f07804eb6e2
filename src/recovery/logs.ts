import type { Db } from '../postgres/database.js';
import type { SourceLimit } from '../postgres/schema.js';
import type { LoggedMessage, LogPage, ProviderLog } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import { NotAskedError, persistently } from './providers.js';

/** Of one log so much is read: 600,000 messages of Mailgun, about half a million of Mandrill. */
const MOST = { pages: 2_000, ms: 2 * 60 * 60_000 };
/** After so many pages one after the other that could not be read, the rest is given up: the provider is down. */
const UNREAD_IN_A_ROW = 3;

interface ReadOptions {
  readonly db: Db;
  /** From when on the record may lack something. */
  readonly since: Date;
  /** Nothing was sent after that. */
  readonly stoppedAt: Date;
  readonly most?: typeof MOST;
  /** Between two tries of a page; only tests say less. */
  readonly pauseMs?: number;
  /** Told each page's messages. */
  readonly found: (messages: readonly LoggedMessage[]) => Promise<void>;
}

/**
 * Reads what a provider has taken, page by page, within its limits. What can be read is told, also where the rest
 * cannot.
 *
 * @returns why there may be more than was told; empty when that was all.
 */
export async function readLog(provider: Provider, options: ReadOptions): Promise<SourceLimit[]> {
  const { log } = provider;
  if (!log) return [{ code: 'no_log', detail: null }];
  const limits = limitsOf(log, options);
  const { pages, ms } = options.most ?? MOST;
  const endsAt = Date.now() + ms;
  const codes = new Set<string>();
  let [isCut, isTooLong] = [false, false];
  let next: string | null = null;
  for (let read = 1, unread = 0; ; read++) {
    const page: LogPage | NotAskedError = await readPage(provider, log, options, next);
    if (page instanceof NotAskedError) {
      if (!codes.has(page.code)) limits.push({ code: 'not_read', detail: page.code });
      codes.add(page.code);
      next = ++unread < UNREAD_IN_A_ROW ? (log.after?.(next) ?? null) : null;
    } else {
      unread = 0;
      await options.found(page.messages);
      if (page.isCut) isCut = true;
      next = page.next;
    }
    if (next === null) break;
    if (read >= pages || Date.now() > endsAt) {
      isTooLong = true;
      break;
    }
  }
  if (isCut) limits.push({ code: 'cut', detail: null });
  if (isTooLong) limits.push({ code: 'too_long', detail: null });
  return limits;
}

async function readPage(
  provider: Provider,
  log: ProviderLog,
  { db, since, pauseMs }: ReadOptions,
  next: string | null,
): Promise<LogPage | NotAskedError> {
  try {
    return await persistently(db, provider, (signal) => log.readPage(since, next, signal), pauseMs);
  } catch (error) {
    if (error instanceof NotAskedError) return error;
    throw error;
  }
}

/** What is known before it is read. */
function limitsOf({ keptMs, lagMs }: ProviderLog, { since, stoppedAt }: ReadOptions): SourceLimit[] {
  const limits: SourceLimit[] = [];
  if (since.getTime() < Date.now() - keptMs) limits.push({ code: 'may_not_reach_back', detail: since.toISOString() });
  const settledAt = new Date(stoppedAt.getTime() + lagMs);
  if (settledAt.getTime() > Date.now()) limits.push({ code: 'may_lag', detail: settledAt.toISOString() });
  return limits;
}
