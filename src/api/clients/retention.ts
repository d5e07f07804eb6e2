import { z } from 'zod';
import { type Periods, periodsOf } from '../../domain/retention/periods.js';

const own = z.int().nullable();
const kept = z.int().nullable();

export const retention = z
  .object({
    content_days: own.describe('Its own for contents; null: as configured, 0: for good.'),
    record_days: own.describe('Its own for records; null: as configured, 0: for good.'),
    kept_content_days: kept.describe('For how many days contents and attachments are kept; null: for good.'),
    kept_record_days: kept.describe('For how many days all that is known of an e-mail is kept; null: for good.'),
  })
  .describe('For how many days its e-mails are kept after they were due.');

const given = z.int().min(0).max(36_500).nullable().optional();

/** What is left out stays; null: as configured, 0: for good. */
export const givenRetention = z.strictObject({ content_days: given, record_days: given });

/** A client's own periods, and what holds with them. */
export function retentionOf(
  own: { readonly content_days: number | null; readonly record_days: number | null },
  configured: Periods,
): z.output<typeof retention> {
  const { content, record } = periodsOf(own, configured);
  return { ...own, kept_content_days: content, kept_record_days: record };
}
