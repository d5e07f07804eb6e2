import type { ComponentType } from 'react';
import type { OperationId } from '../api/call.js';
import type { LiveSample } from '../api/live.js';
import { Audit } from '../screens/audit/audit.js';
import { ClientScreen } from '../screens/clients/client.js';
import { Clients } from '../screens/clients/clients.js';
import { Data } from '../screens/data/data.js';
import { DeadLetters } from '../screens/dead-letters/dead-letters.js';
import { EmailScreen } from '../screens/email/email.js';
import { Find } from '../screens/find/find.js';
import { JobScreen } from '../screens/jobs/job.js';
import { Jobs } from '../screens/jobs/jobs.js';
import { Now } from '../screens/now/now.js';
import { Providers } from '../screens/providers/providers.js';
import { ServiceLevels } from '../screens/service-levels/service-levels.js';
import { Suppressions } from '../screens/suppressions/suppressions.js';
import { UnmatchedWebhooks } from '../screens/unmatched/unmatched.js';

interface Screen {
  readonly path: string;
  readonly name: string;
  /** Without the right to this it is not offered. */
  readonly needs: OperationId;
  readonly show: ComponentType;
  /** A line before it in the list. */
  readonly rule?: boolean;
  /** How many of something wait there for a person. */
  readonly waiting?: (sample: LiveSample) => number;
}

/** What there is, in the order of the list. */
export const SCREENS: readonly Screen[] = [
  { path: '/', name: 'Now', needs: 'watchOverview', show: Now },
  { path: '/find', name: 'Find', needs: 'searchEmails', show: Find },
  {
    path: '/dead-letters',
    name: 'Dead letters',
    needs: 'listDeadLetters',
    show: DeadLetters,
    waiting: ({ dead_letters }) => dead_letters.waiting,
  },
  { path: '/providers', name: 'Providers', needs: 'watchOverview', show: Providers },
  { path: '/service-levels', name: 'Service levels', needs: 'getServiceLevels', show: ServiceLevels },
  { path: '/jobs', name: 'Jobs', needs: 'listJobs', show: Jobs, rule: true },
  { path: '/audit', name: 'Audit', needs: 'listAudit', show: Audit },
  { path: '/clients', name: 'Clients', needs: 'listClients', show: Clients },
  { path: '/suppressions', name: 'Suppressions', needs: 'listSuppressions', show: Suppressions },
  {
    path: '/unmatched',
    name: 'Unmatched webhooks',
    needs: 'listUnmatchedWebhooks',
    show: UnmatchedWebhooks,
  },
  { path: '/data', name: 'Data', needs: 'forgetPerson', show: Data },
];

/** Screens of one thing, which are not in the list. */
interface ItemScreen {
  /** With `:id` in it. */
  readonly path: string;
  readonly needs: OperationId;
  readonly show: ComponentType<{ readonly id: string }>;
}

export const ITEMS: readonly ItemScreen[] = [
  { path: '/emails/:id', needs: 'getEmail', show: EmailScreen },
  { path: '/jobs/:id', needs: 'getJob', show: JobScreen },
  { path: '/clients/:id', needs: 'getClient', show: ClientScreen },
];
