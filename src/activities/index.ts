import { createAwaitProvider } from './await-provider.js';
import { createCheckDelivery } from './check-delivery.js';
import type { ActivityDependencies } from './dependencies.js';
import { createLoadPlan } from './load-plan.js';
import { createReadEnd } from './read-end.js';
import { createReconcile } from './reconcile.js';
import { createRecordAnswer, createSend } from './send.js';
import type { RecordActivities, SendActivities } from './types.js';
import { createUploadAttachment } from './upload-attachment.js';

export type { ActivityDependencies } from './dependencies.js';

/** The activities of the workflow's own queue. */
export function createRecordActivities(dependencies: ActivityDependencies): RecordActivities {
  return {
    persist: createLoadPlan(dependencies),
    recordAnswer: createRecordAnswer(dependencies),
    awaitProvider: createAwaitProvider(dependencies),
    uploadAttachment: createUploadAttachment(dependencies),
    readEnd: createReadEnd(dependencies),
  };
}

/** The activities of `send-<priority>`: whatever calls a provider. */
export function createSendActivities(dependencies: ActivityDependencies): SendActivities {
  return {
    send: createSend(dependencies),
    reconcile: createReconcile(dependencies),
    lookForNews: createCheckDelivery(dependencies),
  };
}
