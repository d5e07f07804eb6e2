import type { ProviderName } from '../../config.js';
import type { Verdict } from '../../postgres/schema.js';

/** Proof that a provider has taken an e-mail. */
export interface SentEvidence {
  /** `temporal`: its workflow's history; otherwise the provider itself. */
  readonly by: 'temporal' | 'provider';
  readonly provider: ProviderName;
  readonly generation: number;
  /** Null where the evidence does not say. */
  readonly attempt: number | null;
  readonly providerMessageId: string | null;
  readonly at: Date | null;
}

/**
 * What Temporal tells of an e-mail.
 * - `accepted`: a provider has taken it.
 * - `doubtful`: a call was made, or may have been, of which no answer is known.
 * - `not_taken`: no call was made, or each was refused.
 * - `ended`: the workflow ended in another way, and not by sending.
 * - `absent`: there is no workflow. `unasked`: Temporal was not asked.
 */
export type Trace = ToldTrace | { readonly kind: 'unasked' };

/** What Temporal tells when it is asked. */
export type ToldTrace =
  | { readonly kind: 'accepted'; readonly sent: readonly SentEvidence[] }
  | { readonly kind: 'doubtful' | 'not_taken' | 'ended' | 'absent' };

/** What the record, as it was restored, says of an e-mail that it believes unsent. */
export interface BelievedUnsent {
  /** In the dead letter store: it is not sent by itself. */
  readonly isDead: boolean;
  /** A call is open, or its outcome unknown. */
  readonly hasOpenCall: boolean;
  /** Its workflow had been started before the point of the restore. */
  readonly wasDispatched: boolean;
  /** Due only after the recovery has begun. */
  readonly isDueLater: boolean;
}

interface Circumstances {
  /** Temporal's data are whole, and reach back far enough for what it lacks to prove something. */
  readonly temporalIsWhole: boolean;
  /** The object store holds its attachment, though the record says that it was not uploaded yet: it was dispatched. */
  readonly wasUploaded: boolean;
}

export interface Judgement {
  readonly verdict: Exclude<Verdict, 'lacking'>;
  /** Why, as a code. */
  readonly evidence: string;
  /** What is to be adopted; empty unless the verdict is `sent`. */
  readonly sent: readonly SentEvidence[];
}

/**
 * Judges an e-mail that the restored record believes unsent. Only proof makes it `sent`, and only proof of the contrary
 * leaves it to be sent; all else is unknown, and for an operator to decide.
 *
 * @param found what the providers have of it.
 */
export function judge(
  email: BelievedUnsent,
  trace: Trace,
  found: readonly SentEvidence[],
  { temporalIsWhole, wasUploaded }: Circumstances,
): Judgement {
  const sent = merged(trace.kind === 'accepted' ? trace.sent : [], found);
  if (sent[0]) return { verdict: 'sent', evidence: sent[0].by, sent };
  const without = (verdict: 'unsent' | 'unknown', evidence: string) => ({ verdict, evidence, sent: [] });
  // Nobody sends it but an operator, who decides anyway.
  if (email.isDead) return without('unsent', 'dead_letter');
  if (trace.kind === 'doubtful') return without('unknown', 'call_without_answer');
  if (trace.kind === 'ended') return without('unknown', 'ended_in_temporal');
  if (email.hasOpenCall) return without('unknown', 'call_without_answer');
  if (temporalIsWhole && trace.kind === 'not_taken') return without('unsent', 'not_taken');
  if (temporalIsWhole && trace.kind === 'absent' && !email.wasDispatched && !wasUploaded) {
    return without('unsent', 'not_dispatched');
  }
  const isUntouched = trace.kind === 'absent' || trace.kind === 'unasked';
  if (email.isDueLater && isUntouched && !email.wasDispatched && !wasUploaded) return without('unsent', 'due_later');
  return without('unknown', 'no_evidence');
}

/** One piece of evidence a provider and generation: what Temporal tells, completed by what the provider tells. */
function merged(told: readonly SentEvidence[], found: readonly SentEvidence[]): SentEvidence[] {
  const all = new Map<string, SentEvidence>();
  for (const each of [...told, ...found]) {
    const key = `${each.provider} ${each.generation}`;
    const known = all.get(key);
    all.set(key, known ? completed(known, each) : each);
  }
  return [...all.values()];
}

const completed = (known: SentEvidence, more: SentEvidence): SentEvidence => ({
  ...known,
  attempt: known.attempt ?? more.attempt,
  providerMessageId: known.providerMessageId ?? more.providerMessageId,
  at: known.at ?? more.at,
});
