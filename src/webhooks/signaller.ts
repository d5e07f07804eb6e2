import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { deliverSignals, type PendingSignal, removeDelivered } from '../domain/signals/deliver.js';
import type { Db } from '../postgres/database.js';
import type { TemporalLink } from '../temporal/connection.js';

/** How many signals are sent together, and how many such groups at a time: 64 calls in the air at most. */
const GROUP_SIZE = 16;
const MAX_GROUPS = 4;
/** Beyond this they are left to the dispatcher, which reads them from `pending_signals`: memory stays bounded. */
const MAX_WAITING = 2_000;
/** Delivered signals are removed from the outbox many at once: well before the dispatcher would deliver them again. */
const FORGET_EVERY_MS = 250;

export interface Signaller {
  /** Passes on what is already committed, in the background. Never throws. */
  notify(signals: readonly PendingSignal[]): void;
  /** Waits for what is under way, at most this long, and disconnects. What is left, the dispatcher delivers. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Signals to workflows what webhooks have stored. Temporal may be away: then nothing waits for it here, the next signals try
 * to connect again, and the dispatcher brings what was missed.
 */
export function createSignaller(options: {
  readonly db: Db;
  readonly connect: () => Promise<TemporalLink>;
  readonly logger: Pick<Logger, 'warn'>;
}): Signaller {
  const { db, connect, logger } = options;
  const waiting: PendingSignal[] = [];
  const running = new Set<Promise<void>>();
  const delivered: PendingSignal[] = [];
  let forgetting: Promise<void> | undefined;
  let link: Promise<TemporalLink> | undefined;
  let stopping = false;

  const temporal = () => {
    link ??= connect().catch((error) => {
      link = undefined;
      throw error;
    });
    return link;
  };

  const forget = async () => {
    if (!stopping) await setTimeout(FORGET_EVERY_MS);
    await removeDelivered(db, delivered.splice(0), logger);
    forgetting = delivered.length > 0 ? forget() : undefined;
  };

  const deliver = async (signals: readonly PendingSignal[]) => {
    try {
      delivered.push(...(await deliverSignals((await temporal()).client, signals, logger)));
      forgetting ??= forget();
    } catch {
      logger.warn({ count: signals.length }, 'Temporal cannot be reached; signals are left to the dispatcher');
    }
  };

  const pump = () => {
    while (waiting.length > 0 && running.size < MAX_GROUPS) {
      const group = deliver(waiting.splice(0, GROUP_SIZE)).finally(() => {
        running.delete(group);
        pump();
      });
      running.add(group);
    }
  };

  const finish = async () => {
    while (running.size > 0) await Promise.all(running);
    while (forgetting) await forgetting;
    const connected = await link?.catch(() => undefined);
    await connected?.close();
  };

  return {
    notify(signals) {
      if (stopping || signals.length === 0) return;
      waiting.push(...signals.slice(0, MAX_WAITING - waiting.length));
      pump();
    },
    async stop(graceMs) {
      stopping = true;
      await Promise.race([finish(), setTimeout(graceMs, undefined, { ref: false })]);
      waiting.length = 0;
    },
  };
}
