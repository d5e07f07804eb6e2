import type { Priority } from '../priority.js';

/** Nothing personal: addresses, subjects, contents and filenames stay in PostgreSQL. */
export interface EmailInput {
  readonly emailId: string;
  readonly priority: Priority;
}

/** What the job is about stays in PostgreSQL. */
export interface JobInput {
  readonly jobId: string;
}
