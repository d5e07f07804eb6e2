import { UsageError } from '../api.js';

/** For how many days a client's e-mails are kept: its own word, and what holds with it. */
export type Retention = Readonly<
  Record<'content_days' | 'record_days' | 'kept_content_days' | 'kept_record_days', number | null>
>;

type Kind = 'content' | 'record';

export const isPeriod = (setting: string): setting is Kind => setting === 'content' || setting === 'record';

/** As `30 days`, `for good`, and whether that is the configuration's word. */
export function periodText(retention: Retention, kind: Kind): string {
  const days = retention[`kept_${kind}_days`];
  const period = days === null ? 'for good' : `${days} days`;
  return retention[`${kind}_days`] === null ? `${period} (default)` : period;
}

/** What a word sets. */
export function retentionOf(kind: Kind, word: string): object {
  if (word === 'default') return { [`${kind}_days`]: null };
  if (word === 'forever') return { [`${kind}_days`]: 0 };
  if (!/^[1-9]\d*$/.test(word)) throw new UsageError(`"${word}" is not a number of days, "default" or "forever".`);
  return { [`${kind}_days`]: Number(word) };
}
