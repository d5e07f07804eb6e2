import { readStatus } from '../domain/attempts/plan.js';
import type { ActivityDependencies } from './dependencies.js';
import type { RecordedEnd } from './types.js';

/** The workflow's last step: it ends as the record says, whatever it was told and in whatever order. */
export function createReadEnd({ db, catalogue }: ActivityDependencies) {
  return async function readEnd(emailId: string): Promise<RecordedEnd | null> {
    const status = await readStatus(db, emailId);
    return status === undefined ? null : { status, trouble: catalogue.get(status)?.trouble ?? false };
  };
}
