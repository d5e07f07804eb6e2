import type { Server, ServerResponse } from 'node:http';

/** How long an answer may take to leave once it is complete. */
export interface AnswerLimits {
  /** Whatever its size, in milliseconds. */
  readonly answerMs: number;
  /** At this pace, in bytes a second, for the rest. */
  readonly answerBytesPerS: number;
}

/** What waits in a connection below this may wait: 2,000 connections hold 128 MB of it at most. */
const SMALL_BYTES = 64 * 1024;

/**
 * Cuts off connections whose answers nobody reads. Such an answer stands in memory as long as its connection, and whoever
 * asks for large ones and reads none could fill it: Node itself has no such limit.
 */
export function cutOffUnread(server: Server, { answerMs, answerBytesPerS }: AnswerLimits): void {
  // Before whoever answers, who may do so at once.
  server.prependListener('request', (_request, response: ServerResponse) => {
    // All of it has been given to the socket, which holds what the kernel does not take.
    response.once('prefinish', () => {
      if (response.writableLength <= SMALL_BYTES) return;
      const patienceMs = answerMs + (response.writableLength / answerBytesPerS) * 1_000;
      const timer = setTimeout(() => response.socket?.destroy(), patienceMs);
      response.once('close', () => clearTimeout(timer));
    });
  });
}
