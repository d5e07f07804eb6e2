import type { RouterContext } from '@koa/router';
import type { Target } from '../../domain/audit/targets.js';
import type { ApiState } from '../authenticate.js';
import type { ApiDependencies } from '../dependencies.js';

type ApiContext = RouterContext<ApiState>;

/** What a route does to something, for the audit. */
export interface AuditedChange<I, R> {
  /** The kind of its target, and a verb: `queue.pause`. */
  readonly action: `${string}.${string}`;
  /** To what: as far as it is known before, and with the answer all of it. */
  targets(input: I, ctx: ApiContext, answer?: R): readonly Target[];
  /**
   * The change, where it is not all that `handle` does: then only this shares a transaction with its rows, and `handle`
   * answers afterwards. For answers that take a while, during which nothing should be locked.
   */
  change?(input: I, ctx: ApiContext, api: ApiDependencies): Promise<void>;
}

/** What a route shows that not everybody may see: a row is written before it is answered. */
export interface AuditedLook<I, R> {
  readonly look: `${string}.${string}`;
  targets(input: I, ctx: ApiContext, answer?: R): readonly Target[];
}

/** Its handler begins more than one transaction, and writes the rows itself, by `auditedByHand`. */
interface AuditedByHand {
  readonly byHand: `${string}.${string}`;
}

/** Nothing is written, for this reason. */
interface NotAudited {
  readonly none: string;
}

/** What the audit is told of a route. Every route that changes something, or shows contents, has one; a test holds it. */
export type Audit<I, R> = AuditedChange<I, R> | AuditedLook<I, R> | AuditedByHand | NotAudited;
