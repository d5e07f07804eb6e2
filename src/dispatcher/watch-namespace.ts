import type { Logger } from 'pino';
import { noticeLostNamespace } from '../domain/queue/rebuild.js';
import type { Db } from '../postgres/database.js';
import type { TemporalLink } from '../temporal/connection.js';
import { registerSearchAttributes } from './search-attributes.js';

/** Notices that Temporal's data were lost, and sees to it that every e-mail on its way is looked at now. */
export async function watchNamespace(temporal: TemporalLink, db: Db, namespace: string, logger: Logger): Promise<void> {
  const { namespaceInfo } = await temporal.connection.workflowService.describeNamespace({ namespace });
  if (!namespaceInfo?.id) return;
  if (!(await noticeLostNamespace(db, namespace, namespaceInfo.id))) return;
  logger.warn({ namespace }, 'the data behind the Temporal namespace are new: workflows are rebuilt from the record');
  await registerSearchAttributes(temporal.connection, namespace, logger);
}
