import { createAwaitProvider } from './await-provider.js';
import type { ActivityDependencies } from './dependencies.js';
import { createLookForNews } from './look-for-news.js';
import { createPersist } from './persist.js';
import { createReconcile } from './reconcile.js';
import { createRecordAnswer, createSend } from './send.js';
import type { RecordActivities, SendActivities } from './types.js';
import { createUploadAttachment } from './upload-attachment.js';

export type { ActivityDependencies } from './dependencies.js';

/** The activities of the workflow's own queue. */
export function createRecordActivities(dependencies: ActivityDependencies): RecordActivities {
  return {
    persist: createPersist(dependencies),
    recordAnswer: createRecordAnswer(dependencies),
    awaitProvider: createAwaitProvider(dependencies),
    uploadAttachment: createUploadAttachment(dependencies),
  };
}

/** The activities of `send-<priority>`: whatever calls a provider. */
export function createSendActivities(dependencies: ActivityDependencies): SendActivities {
  return {
    send: createSend(dependencies),
    reconcile: createReconcile(dependencies),
    lookForNews: createLookForNews(dependencies),
  };
}
