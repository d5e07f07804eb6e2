import type { z } from 'zod';
import type { ProviderName } from '../../config.js';
import { type StatusCatalogue, type StatusRule, statusesThat } from '../../domain/emails/statuses.js';
import type { CancelParameters } from '../../domain/jobs/kinds/cancel.js';
import type { Correction } from '../../domain/jobs/kinds/correction.js';
import type { DiscardParameters } from '../../domain/jobs/kinds/discard.js';
import type { RerouteParameters } from '../../domain/jobs/kinds/reroute.js';
import type { RetryParameters } from '../../domain/jobs/kinds/retry.js';
import type { Selection } from '../../domain/jobs/kinds/selection.js';
import type { FieldFault } from '../../http/problem.js';
import { rangeOf } from '../emails/schema.js';
import { invalidFields } from '../send/faults.js';
import type { EmailFilterBody, EmailKind, jobBody } from './schema.js';

type Body = z.output<typeof jobBody>;

/** What a body is understood with; every fault is collected. */
interface Reading {
  readonly body: Body;
  readonly catalogue: StatusCatalogue;
  readonly providers: readonly ProviderName[];
  fault(field: string, message: string, code?: string): void;
}

/** What each kind makes of a body. A new kind is a line here. */
const TERMS: Readonly<Record<EmailKind, (reading: Reading) => object>> = {
  retry: (reading): RetryParameters => {
    const selection = selectionOf(reading, (rule) => rule.retryable, ['dead']);
    const through = providerIn(reading);
    if (through === null) reading.fault('through', 'must name a provider: a retry goes through any without it');
    const corrected = correctionIn(reading);
    return { selection, ...(through && { through }), ...(corrected && { corrected }) };
  },
  discard: (reading): DiscardParameters => {
    if (reading.body.through) reading.fault('through', 'is nothing to discard by', 'unknown_field');
    for (const status of reading.body.filter.status ?? []) {
      if (status !== 'dead') reading.fault('filter.status', `${status} is not dead, and has no dead letter`);
    }
    return { selection: selectionOf(reading, (rule) => rule.retryable, ['dead']) };
  },
  cancel: (reading): CancelParameters => {
    if (reading.body.through) reading.fault('through', 'is nothing to cancel by', 'unknown_field');
    return { selection: selectionOf(reading, isWithUs) };
  },
  reroute: (reading): RerouteParameters => {
    const selection = selectionOf(reading, isWithUs);
    const through = providerIn(reading);
    if (through === undefined) reading.fault('through', 'must name a provider, or be any', 'required');
    return { selection, through: through ?? null };
  },
};

/**
 * What is put right in receivers. The filter has to name what is wrong: otherwise everybody's mail would go to one
 * receiver, or to one domain, by a slip.
 */
function correctionIn({ body: { corrected, filter }, fault }: Reading): Correction | undefined {
  if (corrected?.receiver && !filter.receiver) fault('filter.receiver', 'must name the address to correct', 'required');
  if (corrected?.domain && !filter.receiver_domain) {
    fault('filter.receiver_domain', 'must name the domain to correct', 'required');
  }
  return corrected;
}

/** No provider has it, and it has not ended. */
const isWithUs = ({ final, survives }: StatusRule) => !final && !survives;

/** What a job is begun with. @throws Problem 422 with every fault that the schema cannot see. */
export function parametersOf(body: Body, { catalogue, providers }: Pick<Reading, 'catalogue' | 'providers'>): object {
  const faults: FieldFault[] = [];
  const fault: Reading['fault'] = (field, message, code = 'invalid_value') => faults.push({ field, code, message });
  const isFiltered = Object.values(body.filter).some((value) => value !== undefined);
  if (body.dry_run ? body.all && isFiltered : (body.all === true) === isFiltered) {
    fault('all', 'say which: either filters, or "all": true for every one');
  }
  if (body.corrected && body.kind !== 'retry') fault('corrected', 'is for a retry', 'unknown_field');
  const parameters = TERMS[body.kind]({ body, catalogue, providers, fault });
  if (faults.length > 0) throw invalidFields(faults);
  return parameters;
}

/** @returns null for any, undefined when nothing is said. */
function providerIn({ body: { through }, providers, fault }: Reading): ProviderName | null | undefined {
  if (through === undefined) return undefined;
  if (through === 'any') return null;
  if (!providers.includes(through)) fault('through', `must be one of ${providers.join(', ')}`, 'not_configured');
  return through;
}

/** @param fallback the statuses when none is named; left out: all that are possible. */
function selectionOf(
  { body: { filter }, catalogue, fault }: Reading,
  isPossible: (rule: StatusRule) => boolean,
  fallback?: readonly string[],
): Selection {
  const possible = statusesThat(catalogue, isPossible);
  for (const status of filter.status ?? []) {
    if (!possible.includes(status)) fault('filter.status', `${status} is none of ${possible.join(', ')}`);
  }
  const statuses = [...new Set(filter.status ?? fallback ?? possible)];
  return { ...conditionsOf(filter), statuses };
}

function conditionsOf(filter: EmailFilterBody): Omit<Selection, 'statuses'> {
  const { receiver, sender, priority, tag, client: clientId, code, provider } = filter;
  const [withoutCode, withoutProvider] = [filter.without_code, filter.without_provider];
  const metadata = filter.metadata && Object.entries(filter.metadata);
  return {
    filter: { clientId, receiver, sender, priority, tag, metadata },
    code,
    provider,
    ...(withoutCode && { withoutCode }),
    ...(withoutProvider && { withoutProvider }),
    deadReason: filter.dead_reason,
    receiverDomain: filter.receiver_domain,
    range: rangeOf({ from: filter.from, to: filter.to ?? new Date() }),
  };
}
