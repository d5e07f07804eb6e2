import type { EventEmitter } from 'node:events';
import pg from 'pg';

/** What PostgreSQL answers to a write on a server that takes none. */
const READ_ONLY = '25006';

/** What a server tells of itself at the log-in, and again whenever it changes: no statement is spent on it. */
const READ_ONLY_PARAMETERS = ['in_hot_standby', 'default_transaction_read_only'];

/** A setting of node-postgres that means "never": it takes no zero, and a timer no more than this. */
const NEVER_MS = 2 ** 31 - 1;

/** The server is a standby, or has been told to take no writes. */
export class ReadOnlyServerError extends Error {
  override readonly name = 'ReadOnlyServerError';
  readonly code = READ_ONLY;
  constructor() {
    super('The PostgreSQL server takes no writes: it is a standby, or was made read-only.');
  }
}

/**
 * A connection that is used only while its server takes writes. Through a proxy or a name that moves, one can reach a
 * standby, or stay with a leader that is none any more; node-postgres passes over `target_session_attrs`.
 *
 * A server that says it takes no writes, or refuses one for that, is left: whoever used the connection gets the error,
 * and the pool makes a new one, which reaches whoever leads by then.
 */
export class PrimaryClient extends pg.Client {
  private readonly readOnly = new Set<string>();

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const { connection } = this as unknown as { connection: EventEmitter };
    connection.on('parameterStatus', ({ parameterName, parameterValue }: Record<string, string>) => {
      if (!READ_ONLY_PARAMETERS.includes(parameterName!)) return;
      if (parameterValue === 'on') this.readOnly.add(parameterName!);
      else this.readOnly.delete(parameterName!);
      // During the log-in the pool asks `refusal`.
      if (parameterValue === 'on' && this.isConnected()) this.leave();
    });
    connection.on('errorMessage', ({ code }: { code?: string }) => {
      if (code === READ_ONLY) this.leave();
    });
  }

  /** Why this connection is not to be used; undefined when it may be. */
  refusal(): ReadOnlyServerError | undefined {
    return this.readOnly.size > 0 ? new ReadOnlyServerError() : undefined;
  }

  private isConnected(): boolean {
    return (this as unknown as { _connected: boolean })._connected;
  }

  /** What is on its way is answered first. The pool takes an ended connection back, and gives it to nobody. */
  private leave(): void {
    // After the client's own handling of this message.
    process.nextTick(() => {
      void this.end();
      this.emit('error', new ReadOnlyServerError());
    });
  }
}

/**
 * A statement that takes no lock others wait for, and minutes: an index built, or a partition detached, beside traffic.
 *
 * @returns its time-out for node-postgres; undefined: the pool's.
 */
export const ownTimeoutMs = (text: string): number | undefined =>
  /\bconcurrently\b/i.test(text) ? NEVER_MS : undefined;
