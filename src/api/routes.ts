import { adminRoutes } from './admin/routes.js';
import { auditRoutes } from './audit/routes.js';
import { buildRoutes } from './builds/routes.js';
import { keyRoutes } from './clients/keys.js';
import { clientRoutes } from './clients/routes.js';
import { senderRoutes } from './clients/senders.js';
import { consoleRoutes } from './console/routes.js';
import { deadLetterRoutes } from './dead-letters/routes.js';
import { descriptionRoutes } from './description/routes.js';
import { emailRoutes } from './email/routes.js';
import { emailsRoutes } from './emails/routes.js';
import { healthRoutes } from './health/routes.js';
import { holdRoutes } from './holds/routes.js';
import { jobRoutes } from './jobs/routes.js';
import { liveRoutes } from './live/routes.js';
import { openRoutes } from './open/routes.js';
import { personalDataRoutes } from './personal-data/routes.js';
import type { Route } from './routing/route.js';
import { sendRoutes } from './send/routes.js';
import { serviceLevelRoutes } from './service-levels/routes.js';
import { sessionRoutes } from './session/routes.js';
import { suppressionRoutes } from './suppressions/routes.js';
import { unmatchedRoutes } from './unmatched/routes.js';

/** Everything that the api serves, in the order in which it is described. */
export const ROUTES: readonly Route[] = [
  ...sendRoutes,
  ...emailsRoutes,
  ...emailRoutes,
  ...deadLetterRoutes,
  ...suppressionRoutes,
  ...clientRoutes,
  ...keyRoutes,
  ...senderRoutes,
  ...adminRoutes,
  ...buildRoutes,
  ...liveRoutes,
  ...holdRoutes,
  ...jobRoutes,
  ...unmatchedRoutes,
  ...auditRoutes,
  ...personalDataRoutes,
  ...serviceLevelRoutes,
  ...sessionRoutes,
  ...consoleRoutes,
  ...openRoutes,
  ...healthRoutes,
  ...descriptionRoutes(() => ROUTES),
];
