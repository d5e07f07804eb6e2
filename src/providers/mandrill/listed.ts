import type { ListedFor } from '../provider.js';

/**
 * Why Mandrill's own list has an address (`reject_reason`). Its other reasons are about us, were set by hand, or pass.
 * Source: Mailchimp's documentation, "About the rejection denylist".
 */
const MANDRILL: Readonly<Record<string, ListedFor>> = {
  'hard-bounce': 'bounced',
  spam: 'complained',
  unsub: 'unsubscribed',
};

/** What a rejection by Mandrill says of the address, if anything: it is said in answers and in webhooks alike. */
export const listedByMandrill = (rejectReason: string | null | undefined): ListedFor | undefined =>
  rejectReason && Object.hasOwn(MANDRILL, rejectReason) ? MANDRILL[rejectReason] : undefined;
