import { Readable } from 'node:stream';
import { Context } from '@temporalio/activity';
import { findAttachment, noteStored, readSpool } from '../domain/emails/attachments.js';
import { logStep } from '../process/life-log.js';
import type { ActivityDependencies } from './dependencies.js';
import { withHeartbeats } from './heartbeats.js';
import { traced } from './traced.js';

/**
 * Copies an attachment from the spool to object storage, verified, then drops the spool. The key is made from the
 * e-mail's id, so that doing it twice is doing it once. Sends do not wait for it: they read the spool.
 */
export function createUploadAttachment(dependencies: ActivityDependencies) {
  const { db, store, logger } = dependencies;
  return async function uploadAttachment(emailId: string): Promise<void> {
    // Heeds cancellation, unlike a send: a worker that stops leaves the upload to the next.
    const copy = async () => {
      const attachment = await findAttachment(db, emailId);
      if (!attachment || attachment.storagePath || attachment.removedAt) return;
      const open = () => Readable.from(readSpool(db, emailId), { objectMode: false });
      const path = await store.put(storageKey(emailId), open, attachment, attachment.contentType);
      if (!(await noteStored(db, emailId, path))) return store.delete(path);
      logStep(logger, 'uploaded', { emailId, sizeBytes: Number(attachment.sizeBytes) });
    };
    const upload = withHeartbeats(() => traced(dependencies, 'upload', { emailId }, copy));
    await Promise.race([upload, Context.current().cancelled]);
  };
}

/** `attachments/<yyyy>/<mm>/<dd>/<email id>`: the day is the one inside the UUIDv7. */
function storageKey(emailId: string): string {
  const day = new Date(Number.parseInt(emailId.replaceAll('-', '').slice(0, 12), 16)).toISOString().slice(0, 10);
  return `attachments/${day.replaceAll('-', '/')}/${emailId}`;
}
