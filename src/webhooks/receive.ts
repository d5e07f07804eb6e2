import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import type { ProviderName } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import { readTraceparents } from '../domain/emails/traceparents.js';
import type { Readiness } from '../http/readiness.js';
import type { Db } from '../postgres/database.js';
import { logStep } from '../process/life-log.js';
import { inSpan, isTracing } from '../process/tracing/tracing.js';
import { type WebhookFormat, WebhookRefusedError } from '../providers/webhook-format/format.js';
import type { Bodies } from './body.js';
import type { WebhookLimits } from './limits.js';
import { countStored } from './metrics.js';
import type { Signaller } from './signaller.js';
import { PartlyStoredError, type Stored, storeBatch, storeOnce } from './store.js';

/** A provider whose webhooks are received, with how they are read. */
export interface WebhookSource {
  readonly provider: ProviderName;
  readonly format: WebhookFormat;
  readonly settings: unknown;
}

export interface WebhookDependencies {
  readonly sources: readonly WebhookSource[];
  readonly db: Db;
  readonly readiness: Readiness;
  /** The statuses, read once when the database can be reached. */
  readonly catalogue: () => Promise<StatusCatalogue>;
  readonly notify: Signaller['notify'];
  /** Does not repeat itself: anybody can make trouble here. */
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** The lines of e-mails' lives: each is written. */
  readonly life: Pick<Logger, 'info'>;
  readonly limits: WebhookLimits;
}

/**
 * Receives one provider's webhooks: answers once all that a request tells is committed; workflows are told afterwards. A
 * batch stored in part is answered with 503, and repeated by its provider.
 */
export function receiveWebhook(
  dependencies: WebhookDependencies,
  bodies: Bodies,
  { provider, format, settings }: WebhookSource,
): Middleware {
  const { db, catalogue } = dependencies;
  return async (ctx) => {
    const startedAtMs = Date.now();
    const reading = format.open(ctx.req.headers, settings);
    await bodies.read(ctx.req, reading.maxBytes, reading.sink, async () => {
      const told = await reading.verify(new Date());
      try {
        const statuses = await catalogue();
        const stored =
          'token' in told
            ? await storeOnce(db, statuses, provider, told)
            : await storeBatch(db, statuses, provider, told.events);
        if (!stored) throw new WebhookRefusedError('token_reused');
        finish(dependencies, provider, stored, startedAtMs);
      } catch (error) {
        if (!(error instanceof PartlyStoredError)) throw error;
        finish(dependencies, provider, error.stored, startedAtMs);
        throw error.cause;
      }
    });
    ctx.status = 200;
  };
}

function finish(dependencies: WebhookDependencies, provider: ProviderName, stored: Stored, startedAtMs: number): void {
  const { notify, logger } = dependencies;
  notify(stored.signals);
  countStored(provider, stored);
  void tellMatched(dependencies, provider, stored.matched, startedAtMs);
  if (stored.unmatched > 0) logger.info({ provider, count: stored.unmatched }, 'events without an e-mail were kept');
}

/** A line for each event and, where there are traces, a span: from the request to when it was stored. */
async function tellMatched(
  { db, life }: WebhookDependencies,
  provider: ProviderName,
  matched: Stored['matched'],
  startedAtMs: number,
): Promise<void> {
  const ids = isTracing() ? [...new Set(matched.map(({ emailId }) => emailId))] : [];
  const known = ids.length > 0 ? await readTraceparents(db, ids).catch(() => NONE) : NONE;
  for (const { emailId, type } of matched) {
    const attributes = { 'tempost.provider': provider, 'tempost.event': type };
    const span = { emailId, traceparent: known.get(emailId), kind: 'server', attributes, startedAtMs } as const;
    await inSpan('webhook', span, async () => logStep(life, 'webhook', { emailId, provider, event: type }));
  }
}

const NONE: ReadonlyMap<string, string> = new Map();
