import { heartbeat } from '@temporalio/activity';

/**
 * Runs an activity's body with heartbeats, so that the server notices within its heartbeat time-out when this worker
 * is gone. Cancellation is left unheard on purpose: a call that has begun must be written down.
 */
export async function withHeartbeats<T>(body: () => Promise<T>, everyMs = 500): Promise<T> {
  const timer = setInterval(() => heartbeat(), everyMs);
  try {
    return await body();
  } finally {
    clearInterval(timer);
  }
}
