/** The kinds of requests that are limited separately: those that make e-mails, and all others. */
const RATE_KINDS = ['send', 'read'] as const;
export type RateKind = (typeof RATE_KINDS)[number];

/** A token bucket: so many requests at once, and so many a second from then on. */
export interface Rate {
  /** Requests a second. */
  readonly rate: number;
  /** Requests at once, when there were none for a while. */
  readonly burst: number;
}

/** Null: no limit. */
export type Rates = Readonly<Record<RateKind, Rate | null>>;

/** The rates of a client that was made without naming any: more than ordinary use needs. */
export const DEFAULT_RATES: Rates = { send: { rate: 100, burst: 200 }, read: { rate: 50, burst: 100 } };

export const NO_RATES: Rates = { send: null, read: null };

/** A client's or a key's columns of rates. */
export interface RateColumns {
  readonly send_rate: number | null;
  readonly send_burst: number | null;
  readonly read_rate: number | null;
  readonly read_burst: number | null;
}

export const RATE_COLUMNS = ['send_rate', 'send_burst', 'read_rate', 'read_burst'] as const;

const rateOf = (rate: number | null, burst: number | null): Rate | null => (rate && burst ? { rate, burst } : null);

export const ratesOf = (row: RateColumns): Rates => ({
  send: rateOf(row.send_rate, row.send_burst),
  read: rateOf(row.read_rate, row.read_burst),
});

/** The columns of those that are given; what is left out stays. */
export const columnsOf = (rates: Partial<Rates>): Partial<RateColumns> => ({
  ...(rates.send !== undefined && { send_rate: rates.send?.rate ?? null, send_burst: rates.send?.burst ?? null }),
  ...(rates.read !== undefined && { read_rate: rates.read?.rate ?? null, read_burst: rates.read?.burst ?? null }),
});
