import type { ProviderName } from '../config.js';
import type { Answer } from '../domain/attempts/outcomes.js';
import type { Outcome } from '../domain/attempts/transitions.js';
import type { Progress } from '../domain/jobs/run-slice.js';

/** What the workflow learns from the record at its start, or when it is started anew: what is left to do. */
export interface Plan {
  readonly generation: number;
  readonly stage: 'hand_over' | 'await_delivery' | 'await_open' | 'over';
  readonly status: string;
  /** An attachment waits in the spool for its upload. */
  readonly uploadPending: boolean;
  readonly hasAttachment: boolean;
  /** In the order in which they are tried. */
  readonly providers: readonly ProviderName[];
  /** Those of them that may be asked for a call now; left out by earlier releases. */
  readonly admitting?: readonly ProviderName[];
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  /** What remains of each wait. */
  readonly deliveryTimeoutMs: number;
  readonly openWindowMs: number;
  /** The workflow ends as the record says, and reads it where it was not told; left out by earlier releases. */
  readonly endsAsRecorded?: true;
  /** Statuses that are search attributes when a workflow ends so. Only earlier releases put it into a plan. */
  readonly trouble?: readonly string[];
}

/** An e-mail's status when its workflow ends. */
export interface RecordedEnd {
  readonly status: string;
  /** It is to be found in Temporal: the workflow gets the search attribute `EmailStatus`. */
  readonly trouble: boolean;
}

export interface SendRequest {
  readonly emailId: string;
  readonly generation: number;
  readonly provider: ProviderName;
  readonly hasAttachment: boolean;
  /** When the workflow was started, in milliseconds since 1970. */
  readonly dispatchedAtMs: number;
  /** No other provider is tried before the next back-off. */
  readonly lastOfRound: boolean;
}

export interface AwaitProviderRequest {
  readonly emailId: string;
  readonly generation: number;
  readonly providers: readonly ProviderName[];
  /** A provider that seemed to admit the e-mail has just refused it: the e-mail is not woken at once. */
  readonly refused: boolean;
}

export interface ReconcileRequest {
  readonly emailId: string;
  readonly generation: number;
}

/** An answer that could not be recorded while the database was away. The workflow keeps it and has it recorded later. */
export interface UnrecordedAnswer {
  readonly emailId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly provider: ProviderName;
  readonly answer: Answer;
}

/** What the workflow is told of a try. Codes only: this goes into the workflow's history. */
export type SendOutcome =
  | Outcome
  /** The provider may not be called now; no attempt was made. */
  | { readonly kind: 'not_admitted'; readonly code: string; readonly waitMs: number }
  /** Answered, but not in the record yet. */
  | { readonly kind: 'unrecorded'; readonly unrecorded: UnrecordedAnswer };

/** What becomes of an e-mail while none of its providers admits it. */
export type Awaiting =
  /** Sleep: the dispatcher signals when one admits. Look again by yourself after so long: the e-mail may be over then. */
  | { readonly kind: 'awaiting'; readonly waitMs: number }
  /** It is not to be sent any more, is with a provider, or waits for evidence. */
  | Outcome;

export type Reconciliation =
  | Exclude<Outcome, { kind: 'ambiguous' }>
  /** Nothing is known yet: ask again after this long, or when evidence comes. */
  | { readonly kind: 'wait'; readonly waitMs: number };

/**
 * What a delivery check found; `quiet`: nothing, the e-mail is silent. If news came meanwhile, it is what they say:
 * `over` of any end but a delivery and an open.
 */
export type DeliveryCheck = 'delivered' | 'opened' | 'over' | 'quiet';

/** On the workflow's own queue. The names are the activity types, which recorded histories hold. */
export interface RecordActivities {
  /** Loads the plan. */
  persist(emailId: string): Promise<Plan>;
  recordAnswer(unrecorded: UnrecordedAnswer): Promise<Outcome>;
  awaitProvider(request: AwaitProviderRequest): Promise<Awaiting>;
  uploadAttachment(emailId: string): Promise<void>;
  /** Reads the status that it ends with; null when the record knows no such e-mail any more. */
  readEnd(emailId: string): Promise<RecordedEnd | null>;
}

/** On `send-<priority>`: everything that calls a provider. */
export interface SendActivities {
  send(request: SendRequest): Promise<SendOutcome>;
  reconcile(request: ReconcileRequest): Promise<Reconciliation>;
  /** The delivery check. */
  lookForNews(request: ReconcileRequest): Promise<DeliveryCheck>;
}

/** The steps of jobs, on their own queue. */
export interface JobActivities {
  /** Goes on with a job for a few seconds. */
  runJobSlice(jobId: string): Promise<Progress>;
}
