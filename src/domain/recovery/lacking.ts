import { sql } from 'kysely';
import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { Source } from '../../postgres/schema.js';
import type { Priority } from '../../priority.js';
import type { ToldTrace } from './verdict.js';

/**
 * What a source tells of a submission that the record lacks: `sent` by a provider or refused (`rejected`), what its
 * workflow tells, or that its attachment is stored.
 */
export type Remains = 'sent' | 'rejected' | 'attachment' | Exclude<ToldTrace['kind'], 'accepted'>;

/** The one that says more comes first. A workflow knows of all calls; a provider of its own. */
export const REMAINS: readonly Remains[] = [
  ...(['sent', 'doubtful', 'ended', 'not_taken', 'rejected', 'absent', 'attachment'] as const),
];

/** What remains of a submission that the record lacks, by one who knows of it. */
export interface Lacking {
  readonly emailId: string;
  readonly source: Source;
  readonly evidence: Remains;
  readonly provider: ProviderName | null;
  readonly priority: Priority | null;
  readonly clientId: string | null;
}

const stronger = sql`from (values (recovery_items.evidence, recovery_items.provider), (excluded.evidence, excluded.provider))
  told (evidence, provider) order by array_position(${[...REMAINS]}::text[], evidence), provider limit 1`;

/**
 * Lists what the record lacks. Whoever tells of an e-mail adds to its line; in which order they do, and how often, makes
 * no difference.
 *
 * @param lacking each e-mail once.
 */
export async function recordLacking(db: Db, recoveryId: string, lacking: readonly Lacking[]): Promise<void> {
  if (lacking.length === 0) return;
  await db
    .insertInto('recovery_items')
    .values(
      lacking.map(({ emailId, source, clientId, ...told }) => ({
        ...{ recovery_id: recoveryId, email_id: emailId, verdict: 'lacking' as const, ...told },
        ...{ client_id: clientId, sources: [source], stored: source === 'attachments' },
        ...{ decision: null, decided_at: null },
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['email_id', 'recovery_id'])
        .doUpdateSet({
          sources: sql<Source[]>`(select array_agg(distinct known order by known)
            from unnest(recovery_items.sources || excluded.sources) known)`,
          evidence: sql<string>`(select evidence ${stronger})`,
          // Of the one that tells this: another one may have refused it.
          provider: sql<ProviderName | null>`(select provider ${stronger})`,
          priority: sql<Priority | null>`coalesce(recovery_items.priority, excluded.priority)`,
          client_id: sql<string | null>`coalesce(recovery_items.client_id, excluded.client_id)`,
          stored: sql<boolean>`recovery_items.stored or excluded.stored`,
        })
        .where('recovery_items.verdict', '=', 'lacking'),
    )
    .execute();
}
