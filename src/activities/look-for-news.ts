import { findQuiet, noteNews } from '../domain/attempts/silent.js';
import type { ActivityDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { lookUp } from './look-up.js';
import type { News, ReconcileRequest } from './types.js';

/**
 * An e-mail was sent, and nothing has been heard since: its provider is asked, and what it says is written down. An
 * e-mail of which the provider has nothing to tell either is marked `quiet`, and counted.
 */
export function createLookForNews(dependencies: ActivityDependencies) {
  return (request: ReconcileRequest): Promise<News> => withHeartbeats(() => lookForNews(dependencies, request));
}

async function lookForNews(
  dependencies: ActivityDependencies,
  { emailId, generation }: ReconcileRequest,
): Promise<News> {
  const { db, catalogue } = dependencies;
  const attempt = await findQuiet(db, emailId, generation, catalogue);
  // A webhook came meanwhile.
  if (!attempt) return 'delivered';
  const found = await lookUp(dependencies, attempt);
  const news = found.kind === 'found' && found.delivered ? 'delivered' : 'quiet';
  await noteNews(db, attempt, news, { look_up: found.kind }, catalogue);
  return news;
}
