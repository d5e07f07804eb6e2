/**
 * How both ends of a connection notice that the other one has gone without a word: its machine lost power, or the network
 * between them. TCP itself asks nobody who has nothing to say, and goes on for a quarter of an hour with what is not
 * confirmed.
 */

/** An idle connection is tried by the kernel after this, and lost some ten seconds later if nothing answers. */
const KEEP_ALIVE_MS = 10_000;

/** Our end, for node-postgres. What has been asked and stays without an answer is up to `query_timeout`. */
export const NOTICE_LOST_SERVER = { keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS } as const;

/** The server tries a client that says nothing after 30 s, and gives it up when it is silent for 30 s more. */
const IDLE_S = 30;
const TRIES = { everyS: 10, count: 3 };
/** What it has said, and nobody confirms: given up as soon. */
const UNCONFIRMED_MS = 60_000;

/**
 * The server's end, as the `options` of a connection. Otherwise sessions of clients that are gone stay for two hours,
 * with their locks and their place among `max_connections`; an idle one that is told something for a quarter of one.
 */
export const NOTICE_LOST_CLIENT = [
  `-c tcp_keepalives_idle=${IDLE_S}`,
  `-c tcp_keepalives_interval=${TRIES.everyS}`,
  `-c tcp_keepalives_count=${TRIES.count}`,
  `-c tcp_user_timeout=${UNCONFIRMED_MS}`,
].join(' ');
