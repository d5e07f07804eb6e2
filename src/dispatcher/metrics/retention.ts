import { Counter, type Registry } from 'prom-client';
import { countRemoved } from '../../domain/retention/walk.js';
import type { Db } from '../../postgres/database.js';

/** What retention has removed e-mail by e-mail; what went by the month is in no count. */
export async function measureRetention(registry: Registry, db: Db): Promise<void> {
  const removed = new Counter({
    name: 'tempost_retention_removed_emails_total',
    help: 'E-mails whose content, or all of them, was removed one by one because its time was over',
    labelNames: ['what'],
    registers: [registry],
  });
  const counts = await countRemoved(db);
  for (const what of ['content', 'record'] as const) removed.inc({ what }, counts[what]);
}
