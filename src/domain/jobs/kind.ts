import type { ProviderName } from '../../config.js';
import type { Db } from '../../postgres/database.js';
import type { JsonObject } from '../../postgres/schema/json.js';
import type { JobItemState } from '../../postgres/schema.js';
import type { Trx } from '../../postgres/transaction.js';
import type { PerPriority, Priority } from '../../priority.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { StatusCatalogue } from '../emails/statuses.js';

/** What a kind plans with; the api's dry runs have no more than this. */
export interface PlanContext {
  readonly db: Db;
  readonly catalogue: StatusCatalogue;
}

/** What a kind does its items with. */
export interface StepContext extends PlanContext {
  /** The service levels. */
  readonly deadlineMs: PerPriority<number>;
  readonly store: ObjectStore;
  /** Those we send through, in order. */
  readonly providers: readonly ProviderName[];
  /** Has an e-mail's workflow look at the record, once the step is committed. It may get lost: then it looks later. */
  wake(emailId: string): void;
  /** Told of each item once what became of it is committed. */
  tell(stepped: SteppedItem): void;
}

/** A job as its kind sees it. */
export interface PlannedJob {
  readonly id: string;
  readonly parameters: JsonObject;
}

/** One thing that a job is to do. */
export interface PlannedItem {
  /** What it is about, such as an e-mail's id: within a job each is done once. At most 200 characters, nothing personal. */
  readonly target: string;
  /** Of an e-mail: that of the moment; the step leaves another one alone. */
  readonly generation?: number;
  /** For dry runs: what they count by. */
  readonly about?: { readonly status: string; readonly priority: Priority; readonly client: string };
  /** For dry runs: why it would be skipped as things are. */
  readonly foreseen?: string;
}

export interface PlannedPage {
  readonly items: readonly PlannedItem[];
  /** Where the next page begins; null when everything is listed. */
  readonly next: JsonObject | null;
}

export interface JobItem {
  readonly number: number;
  readonly target: string;
  readonly generation: number | null;
}

/** What became of an item; `code` says why it was skipped, or could not be done. */
export interface StepResult {
  readonly state: Exclude<JobItemState, 'pending'>;
  readonly code?: string;
}

/** A kind of job: what it lists, and how one of these is done. Everything else is the same for all of them. */
export interface JobKind {
  /**
   * Lists a page of what there is to do. What it lists twice is done once.
   *
   * @param cursor null for the first page, then `next` of the one before.
   */
  plan(context: PlanContext, job: PlannedJob, cursor: JsonObject | null): Promise<PlannedPage>;
  /** Items are done one after the other, and when one fails the job has failed. Left out: four at a time, each by itself. */
  readonly inOrder?: boolean;
  /**
   * What no transaction can hold, before each step; it may happen more than once, and beside itself.
   *
   * @returns `again`: it is to be called again before the step, after whatever else waits.
   */
  prepare?(context: StepContext, job: PlannedJob, item: JobItem): Promise<'ready' | 'again'>;
  /** Does one item in the transaction that also notes that it is done: so it happens once, or not at all. */
  step(trx: Trx, context: StepContext, job: PlannedJob, item: JobItem): Promise<StepResult>;
}

/** For the log. */
export interface SteppedItem extends StepResult {
  readonly jobId: string;
  readonly target: string;
}

export const done: StepResult = { state: 'done' };
export const failed = (code: string): StepResult => ({ state: 'failed', code });
export const skipped = (code: string): StepResult => ({ state: 'skipped', code });
