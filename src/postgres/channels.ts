/** Acceptance and retries say here that there is something to dispatch; the payload is the priority. */
export const QUEUE_CHANNEL = 'tempost_queue';

/** Operators' switches say here that they have changed. */
export const CONTROLS_CHANNEL = 'tempost_controls';
