import type { Email } from '../../../../client/generated/schemas.js';

/** While it is on its way to a provider. */
export const OPEN: ReadonlySet<string> = new Set(['scheduled', 'queued', 'sending', 'retrying', 'unconfirmed']);
/** From these another life may begin. */
const RETRYABLE: ReadonlySet<string> = new Set(['failed', 'dead', 'suppressed', 'bounced']);
const TAKEN_OR_UNDER_WAY: ReadonlySet<string> = new Set(['calling', 'ambiguous', 'accepted']);

export type EmailAct = 'cancelEmail' | 'rescheduleEmail' | 'retryEmail' | 'retryEmailNow' | 'resendEmail';

/** What can be done about an e-mail as it stands. The api has the last word: it may have changed since. */
export function legalActs({ status, waiting, attempts }: Email): readonly EmailAct[] {
  const life = Math.max(0, ...attempts.map(({ generation }) => generation));
  const isAtProvider = attempts.some(({ generation, state }) => generation === life && TAKEN_OR_UNDER_WAY.has(state));
  const acts: (EmailAct | false)[] = [
    waiting?.code === 'backing_off' && 'retryEmailNow',
    RETRYABLE.has(status) && 'retryEmail',
    status === 'scheduled' && 'rescheduleEmail',
    OPEN.has(status) && !isAtProvider && 'cancelEmail',
    !OPEN.has(status) && 'resendEmail',
  ];
  return acts.filter((act) => act !== false);
}
