import type { Logger } from 'pino';
import type { ProviderName } from '../config.js';
import type { StatusCatalogue } from '../domain/emails/statuses.js';
import type { Periods } from '../domain/retention/periods.js';
import type { Disk } from '../domain/samples/disk.js';
import type { SignsOfLife } from '../domain/waiting/explain.js';
import type { Readiness } from '../http/readiness.js';
import type { OpenIdSettings } from '../open-id-settings.js';
import type { Db } from '../postgres/database.js';
import type { PerPriority } from '../priority.js';
import { createFairLane, type FairLane } from '../process/fair-lane.js';
import { createLane, type Lane } from '../process/lane.js';
import type { ObjectReader } from '../storage/reader.js';
import type { Identify } from './authenticate.js';
import { type ConsoleFiles, loadConsole } from './console/files.js';
import type { Gate } from './gate.js';
import type { ApiLimits } from './limits.js';
import { Live } from './live/live.js';
import { createLook, type LiveSample } from './live/sample.js';
import { Guesses } from './rate-limits/guesses.js';
import { UploadSlots } from './send/upload-slots.js';
import { createIdentityProvider, type IdentityProvider } from './session/open-id/identity-provider.js';
import type { WorkflowWaker } from './workflow-waker.js';

/** What the process gives to the api. */
export interface ApiResources {
  readonly db: Db;
  /** A pool of its own: uploads never take a connection that a query waits for. */
  readonly uploads: Db;
  readonly catalogue: StatusCatalogue;
  readonly logger: Logger;
  readonly deadlineMs: PerPriority<number>;
  readonly limits: ApiLimits;
  /** Those we send through. */
  readonly providers: readonly ProviderName[];
  readonly inFlightLimit: PerPriority<number>;
  readonly waker: WorkflowWaker;
  readonly signs: SignsOfLife;
  readonly readiness: Readiness;
  readonly attachments: ObjectReader;
  /** Temporal's page of workflows, for people; null: nobody has said where it is. */
  readonly temporalWorkflows: string | null;
  /** How many e-mails of a hundred are to be in time. */
  readonly serviceLevelTarget: number;
  /** Where people sign in, beside keys; null: nowhere. */
  readonly openId: OpenIdSettings | null;
  /** What is known of PostgreSQL's disk. */
  readonly disk: Disk;
  /** For how long e-mails are kept of clients that say nothing of their own. */
  readonly retention: Periods;
}

/** What handlers work with. Each takes of it what it needs, in its parameters, where one sees it. */
export interface ApiDependencies extends ApiResources {
  /** Shared by all submissions that are being read. */
  readonly slots: UploadSlots;
  /** Opens by our own pixel go through it, a few at once. */
  readonly pixels: Lane;
  /** Searches, a few at once: others need the connections more. By client. */
  readonly searches: FairLane;
  /** Contents and attachments that are being read, by client: each lasts as long as its reader likes. */
  readonly downloads: FairLane;
  readonly identify: Identify;
  readonly addressOf: Gate['addressOf'];
  /** Of those who come back from the identity provider, by their address: each has it asked. */
  readonly signIns: FairLane;
  /** Whose sign-ins the identity provider refused. */
  readonly failedSignIns: Guesses;
  /** How it stands, for all who look at once. */
  readonly live: Live<LiveSample>;
  /** The console's files. */
  readonly files: ConsoleFiles;
  readonly identityProvider: IdentityProvider | null;
}

/** Adds what the requests of one process share. */
export function shareAmongRequests(
  resources: ApiResources,
  { identify, addressOf }: Pick<Gate, 'identify' | 'addressOf'>,
): ApiDependencies {
  const { limits } = resources;
  const pixels = createLane(limits.pixelsAtOnce, limits.pixelsWaiting);
  const searches = createFairLane({ atOnce: limits.searchesAtOnce, mostWaiting: limits.searchesWaiting });
  const { downloadsAtOnce, downloadsWaiting } = limits;
  const downloads = createFairLane({ atOnce: downloadsAtOnce, mostWaiting: downloadsWaiting, isLasting: true });
  const live = new Live(createLook(resources), resources.logger);
  return {
    ...resources,
    slots: new UploadSlots(limits),
    ...{ pixels, searches, downloads, live, identify, addressOf },
    files: loadConsole(),
    signIns: createFairLane({ atOnce: limits.signInsAtOnce, mostWaiting: limits.signInsWaiting }),
    failedSignIns: new Guesses(),
    identityProvider: resources.openId && createIdentityProvider(resources.openId),
  };
}
