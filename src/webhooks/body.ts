import type { IncomingMessage } from 'node:http';
import { arrivalOf } from '../http/arrival.js';
import { BodyBudget, type BodyHold } from '../http/body-budget.js';
import { guardBody } from '../http/body-guard.js';
import { Problem } from '../http/problem.js';
import { createLane } from '../process/lane.js';
import type { BodySink } from '../providers/webhook-format/body-sink.js';
import type { WebhookLimits } from './limits.js';

/** Reads bodies of senders whom nobody knows yet, with bounds for each and for all of them together. */
export class Bodies {
  readonly #small: BodyBudget;
  readonly #large: BodyBudget;
  readonly #largeLane;

  constructor(private readonly limits: WebhookLimits) {
    this.#small = new BodyBudget(limits.smallBudgetBytes, limits.patienceMs);
    this.#large = new BodyBudget(limits.largeBudgetBytes, limits.patienceMs);
    this.#largeLane = createLane(limits.largeAtOnce);
  }

  /**
   * Reads a body into a sink, then has it handled; what it holds counts until then.
   *
   * @param handle what to do with a whole body; a large one waits for its turn.
   * @throws Problem 413 when it is larger than `maxBytes`; 400 when it ends half-way; 408 when it is too slow; 503 when
   *   too much is being read already; whatever the sink throws.
   */
  async read<T>(request: IncomingMessage, maxBytes: number, sink: BodySink, handle: () => Promise<T>): Promise<T> {
    if (Number(request.headers['content-length']) > maxBytes) throw tooLarge(maxBytes);
    const { limits } = this;
    const pace = {
      totalMs: limits.bodyTimeoutMs,
      windowMs: limits.progressWindowMs,
      windowBytes: limits.progressBytes,
      maxBytes,
    };
    const guard = guardBody(request, pace, { slowCode: 'body_too_slow', tooLarge: () => tooLarge(maxBytes) });
    const place = this.#enter();
    const arrival = arrivalOf(request, (piece) => {
      guard.received(piece.length);
      if (!place.take(sink.push(piece))) throw crowded();
    });
    try {
      await Promise.race([arrival.arrived, guard.expired, place.sentAway]);
      guard.end();
      place.stay();
      return await (place.isLarge() ? this.#largeLane.run(handle)! : handle());
    } finally {
      arrival.stop();
      guard.end();
      place.leave();
    }
  }

  /** Every body begins as a small one, and moves to the other room when it turns out to be large. */
  #enter() {
    let sendAway: () => void = () => {};
    const sentAway = new Promise<never>((_, reject) => {
      sendAway = () => reject(crowded());
    });
    sentAway.catch(() => undefined);
    let place: BodyHold = this.#small.enter(sendAway);
    let heldBytes = 0;
    let large = false;
    return {
      sentAway,
      isLarge: () => large,
      take: (bytes: number) => {
        heldBytes += bytes;
        if (large || heldBytes <= this.limits.smallBytes) return place.take(bytes);
        large = true;
        place.leave();
        place = this.#large.enter(sendAway);
        return place.take(heldBytes);
      },
      stay: () => place.stay(),
      leave: () => place.leave(),
    };
  }
}

const tooLarge = (maxBytes: number) => new Problem(413, 'body_too_large', `The body is larger than ${maxBytes} bytes.`);

const crowded = () => new Problem(503, 'too_many_bodies', 'Too many webhooks are being read at this moment.');
