import type { MonthIndex } from '../../postgres/month-index.js';
import { createMonthIndex } from '../../postgres/month-index.js';

/**
 * Which e-mails are another one sent again: they share its object in storage. Few are; the others are not in it, and
 * nothing in it ever changes.
 */
export const RESENT_INDEX: MonthIndex = {
  name: 'emails_resent',
  table: 'emails',
  suffix: 'resent',
  covers: '(resend_of) where resend_of is not null',
};

/** In a migration. */
export const createResentIndex = (db: Parameters<typeof createMonthIndex>[0]): Promise<void> =>
  createMonthIndex(db, RESENT_INDEX);
