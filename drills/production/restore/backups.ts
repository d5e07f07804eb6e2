import type pg from 'pg';

/** The server that is backed up. */
export interface BackedUp {
  /** The folder of its data. */
  readonly data: string;
  withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T>;
}

/** Where base backups and the log of a server are kept, and how they come back. */
export interface Backups {
  /** PostgreSQL's setting of this name. */
  readonly archiveCommand: string;
  /** The server runs, and is at this address. */
  serves(url: string): void;
  /** A base backup. */
  make(server: BackedUp): Promise<void>;
  /**
   * Brings the base backup back into the folder of the data, which is empty.
   *
   * @returns the settings with which the server, started there, replays the log up to the moment, and takes writes then.
   */
  restoreInto(data: string, moment: Date): Promise<Readonly<Record<string, string>>>;
  /** Ends it, and removes what is kept. */
  drop(): Promise<void>;
}
