import type { Priority } from '../../priority.js';

/** An e-mail as lists show it. */
export interface FoundEmail {
  readonly id: string;
  readonly client_id: string;
  readonly status: string;
  readonly priority: Priority;
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly tags: readonly string[];
  readonly created_at: Date;
  readonly deadline_at: Date;
  readonly sent_at: Date | null;
  readonly provider: string | null;
}

export interface FoundPage {
  readonly emails: readonly FoundEmail[];
  /** Where the next page begins; undefined when there is nothing more. A short page can have a next one. */
  readonly before: string | undefined;
}
