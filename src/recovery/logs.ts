import type { Db } from '../postgres/database.js';
import type { SourceLimit } from '../postgres/schema.js';
import type { LoggedMessage, LogPage, ProviderLog } from '../providers/provider.js';
import type { Provider } from '../providers/registry.js';
import { persistently } from './providers.js';

/** Of one log so much is read: 600,000 messages of Mailgun, about half a million of Mandrill. */
const MOST = { pages: 2_000, ms: 2 * 60 * 60_000 };

interface ReadOptions {
  readonly db: Db;
  /** From when on the record may lack something. */
  readonly since: Date;
  /** Nothing was sent after that. */
  readonly stoppedAt: Date;
  readonly most?: typeof MOST;
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
  const cut = new Set<SourceLimit['code']>();
  let next: string | null = null;
  for (let read = 1; ; read++) {
    const page: LogPage | SourceLimit = await readPage(provider, log, options, next);
    if ('code' in page) {
      limits.push(page);
      break;
    }
    await options.found(page.messages);
    if (page.isCut) cut.add('cut');
    next = page.next;
    if (next === null) break;
    if (read >= pages || Date.now() > endsAt) {
      cut.add('too_long');
      break;
    }
  }
  return [...limits, ...[...cut].map((code) => ({ code, detail: null }))];
}

async function readPage(
  provider: Provider,
  log: ProviderLog,
  { db, since }: ReadOptions,
  next: string | null,
): Promise<LogPage | SourceLimit> {
  try {
    return await persistently(db, provider, (signal) => log.readPage(since, next, signal));
  } catch (error) {
    return { code: 'not_read', detail: ((error as Error).cause as Error).message };
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
