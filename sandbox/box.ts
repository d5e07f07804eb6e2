import type { Carrier } from './carrier.js';
import type { SandboxOptions } from './config.js';
import type { FaultTable } from './faults/faults.js';
import type { Pauses } from './faults/pauses.js';
import type { Inbox } from './inbox/inbox.js';
import type { Store } from './store.js';

/** What the parts of one running sandbox share. */
export interface Box {
  readonly options: SandboxOptions;
  /** Where this sandbox is reached; no slash at the end. */
  readonly url: string;
  readonly store: Store;
  readonly faults: FaultTable;
  readonly pauses: Pauses;
  readonly carrier: Carrier;
  readonly inbox: Inbox | null;
  /** Mandrill's searches since the start; refused are those beyond its limit. */
  readonly searches: { answered: number; refused: number };
  readonly stopping: AbortSignal;
}
