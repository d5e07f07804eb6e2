import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { Writable } from 'node:stream';
import type { Context } from 'koa';
import type { ChunkStaging } from '../../domain/emails/chunks.js';
import { Problem } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';
import { fault } from './faults.js';
import { malformed, refusal } from './form.js';
import { IncomingAttachment } from './incoming-attachment.js';
import { JsonScanner, ScanError, type ScanLimits } from './json-scanner.js';
import type { ReadSubmission } from './read-submission.js';
import { parseSendDocument } from './schema.js';
import { guardUpload, maxDocumentBytes, maxFieldBytes, tooLarge } from './upload-guard.js';
import { tooManyUploads, type UploadVisit } from './upload-slots.js';

/** Far more than a document can use: metadata of 4096 bytes hold 2,000 values at most. */
const SCAN: ScanLimits = { depth: 32, values: 5_000, nameBytes: 4096 };
const ATTACHMENT = ['attachment', 'content_base64'];

/** Whether a request brings a document; anything else is read as a form. */
export const isDocument = (contentType: string) => /^application\/json\s*(;|$)/i.test(contentType);

/**
 * Reads the JSON document of one request. The attachment's base64 is decoded as it comes and goes to the database chunk
 * by chunk, like that of a form; the rest stays in memory, counted against the client's share.
 *
 * @param staging where the attachment goes; the caller discards it when the request comes to nothing.
 * @param visit what the document may hold; the caller ends it.
 * @throws Problem 400, 408, 413, 415 or 503; whatever the staging throws.
 */
export async function readSendDocument(
  ctx: Context,
  staging: ChunkStaging,
  visit: UploadVisit,
  limits: ApiLimits,
): Promise<ReadSubmission> {
  const { req } = ctx;
  checkHeaders(req, limits);
  const { full, refuse } = refusal();
  const attachment = new IncomingAttachment(staging, limits, () => visit.takeUpload() || refuse(tooManyUploads()));
  const mayKeep = (bytes: number) => visit.takeFieldBytes(bytes) || refuse(tooManyUploads());
  const document = new DocumentReader(attachment, limits, mayKeep);
  const guard = guardUpload(req, limits, maxDocumentBytes(limits));
  const received = (piece: Buffer) => guard.received(piece.length);
  const incomplete = () => {
    if (!req.complete) document.destroy(new Problem(400, 'incomplete_body', 'The body ended before it was complete.'));
  };
  req.on('data', received).on('error', incomplete).once('close', incomplete);
  req.pipe(document);
  try {
    await Promise.race([document.read, guard.expired, full, attachment.failed]);
    await attachment.stored();
    return document.result();
  } catch (error) {
    throw error instanceof ScanError ? malformed(error.message) : error;
  } finally {
    guard.end();
    req.off('data', received).unpipe(document);
    // What still comes of a body that was refused is looked after elsewhere, and thrown away.
    req.resume();
    document.destroy();
    attachment.abandon();
  }
}

/** Refuses by the headers what need not be read. */
function checkHeaders(request: IncomingMessage, limits: ApiLimits): void {
  const [, charset = 'utf-8'] = /;\s*charset="?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '') ?? [];
  if (!/^utf-?8$/i.test(charset)) {
    throw new Problem(415, 'unsupported_media_type', 'JSON has to be in UTF-8.');
  }
  const length = request.headers['content-length'];
  if (length === undefined && request.headers['transfer-encoding'] === undefined) throw malformed('There is no body.');
  if (Number(length) > maxDocumentBytes(limits)) throw tooLarge(limits);
}

/** One document on its way in: what is not the attachment's content is kept until the end. */
class DocumentReader extends Writable {
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #scanner: JsonScanner;
  /** Resolves when all has come. Rejects with what the scanner finds, or why the body broke off. */
  readonly read: Promise<void>;

  constructor(
    private readonly attachment: IncomingAttachment,
    private readonly limits: ApiLimits,
    /** @returns false when the request has been refused. */
    private readonly mayKeep: (bytes: number) => boolean,
  ) {
    super();
    const keep = (piece: Buffer) => this.#keep(piece);
    this.#scanner = new JsonScanner(ATTACHMENT, SCAN, keep, (piece) => attachment.take(piece));
    this.read = new Promise((resolve, reject) => void this.once('finish', resolve).on('error', reject));
    // Heard here as well: when it is refused for something else nobody may wait for it.
    this.read.catch(() => undefined);
  }

  override _write(piece: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      this.#scanner.push(piece);
      this.attachment.whenTaken(done);
    } catch (error) {
      done(error as Error);
    }
  }

  #keep(piece: Buffer): void {
    this.#keptBytes += piece.length;
    if (this.#keptBytes > maxFieldBytes(this.limits)) throw tooLarge(this.limits);
    // Without room the request has been refused, and what still comes is not kept.
    if (this.mayKeep(piece.length)) this.#kept.push(piece);
  }

  /** @throws Problem 400 when it is no JSON object in UTF-8. */
  result(): ReadSubmission {
    const document = objectIn(Buffer.concat(this.#kept));
    const repeated = this.#scanner.repeated.map((path) => fault(path, 'repeated_field'));
    const { data, attachment: named, faults } = parseSendDocument(document);
    const { digest } = this.attachment;
    return {
      data,
      attachment: named && digest ? { ...named, ...digest } : null,
      malformed: [],
      faults: [...repeated, ...faults, ...this.attachment.faults],
      submitted: ['application/json', sorted(document)],
    };
  }
}

function objectIn(bytes: Buffer): Record<string, unknown> {
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8.');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw malformed('The body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('The body is no JSON object.');
  return value as Record<string, unknown>;
}

/** The same value with the members of all objects in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(sorted)];
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return ['object', ...members.map(([name, item]) => [name, sorted(item)])];
}
