import { Problem } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';
import { Shares } from './shares.js';

/** What one submission holds while it is read. */
export interface UploadVisit {
  /** Takes a place for an attachment. @returns false when the client has its share. */
  takeUpload(): boolean;
  /** Takes memory for fields. @returns false when the client has its share. */
  takeFieldBytes(bytes: number): boolean;
  /** Gives everything back; what is asked for later is refused. */
  leave(): void;
}

/**
 * What submissions that are being read hold together: bodies, memory for their fields, places for their attachments;
 * each shared among the clients. One that sends slowly, or much at once, fills its own share. An e-mail without an
 * attachment needs no place of those that have one.
 */
export class UploadSlots {
  readonly #bodies: Shares;
  readonly #fieldBytes: Shares;
  readonly #uploads: Shares;

  constructor(limits: Pick<ApiLimits, 'concurrentBodies' | 'fieldBytes' | 'concurrentUploads'>) {
    this.#bodies = new Shares(limits.concurrentBodies);
    this.#fieldBytes = new Shares(limits.fieldBytes);
    this.#uploads = new Shares(limits.concurrentUploads);
  }

  /** @throws Problem 503 when the client has its share of bodies. */
  enter(clientId: string): UploadVisit {
    if (!this.#bodies.take(clientId, 1)) throw tooManyUploads();
    let here = true;
    let heldBytes = 0;
    let uploads = 0;
    return {
      takeUpload: () => {
        if (!here || !this.#uploads.take(clientId, 1)) return false;
        uploads++;
        return true;
      },
      takeFieldBytes: (bytes) => {
        if (!here || !this.#fieldBytes.take(clientId, bytes)) return false;
        heldBytes += bytes;
        return true;
      },
      leave: () => {
        if (!here) return;
        here = false;
        this.#bodies.give(clientId, 1);
        this.#fieldBytes.give(clientId, heldBytes);
        this.#uploads.give(clientId, uploads);
      },
    };
  }
}

/** What a client is told that has its share. */
export const tooManyUploads = () =>
  new Problem(503, 'too_many_uploads', 'Too many requests of this client are being read at this moment.', {
    headers: { 'Retry-After': '5' },
  });
