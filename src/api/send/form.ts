import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import multer from '@koa/multer';
import type { Context } from 'koa';
import type { ChunkStaging } from '../../domain/emails/chunks.js';
import { type FieldFault, Problem } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';
import { fault, invalidFields } from './faults.js';
import { PartCounter } from './part-counter.js';
import type { ReadSubmission, SubmittedAttachment } from './read-submission.js';
import { parseSendForm } from './schema.js';
import { guardUpload, maxBodyBytes, tooLarge } from './upload-guard.js';
import { tooManyUploads, type UploadVisit } from './upload-slots.js';

/** More parts than there are fields are refused by name; this only bounds what is listed. */
const MAX_PARTS = 50;
/** Far more than any other field may hold. */
const MAX_SMALL_FIELD_CHARACTERS = 16 * 1024;
/** The fields that may be long. */
const BODIES: ReadonlySet<string> = new Set(['content', 'text', 'html']);
/** What the parser makes of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * Reads the form of one request. The fields are taken from the parser itself: multer would turn repeated fields into
 * lists and bracketed ones into objects, and drop a file without a name.
 *
 * @param staging where the attachment goes; the caller discards it when the request comes to nothing.
 * @param visit what the form may hold; the caller ends it.
 * @throws Problem 400, 408, 413, 415 or 503; whatever the staging throws.
 */
export async function readSendForm(
  ctx: Context,
  staging: ChunkStaging,
  visit: UploadVisit,
  limits: ApiLimits,
): Promise<ReadSubmission> {
  const contentType = ctx.get('Content-Type');
  checkHeaders(ctx.req, contentType, limits);
  const { full, refuse } = refusal();
  const form = new FormReader(staging, () => visit.takeUpload() || refuse(tooManyUploads()));
  const counter = new PartCounter(contentType);
  const guard = guardUpload(ctx.req, limits);
  let parser: Writable | undefined;
  const options: ParserOptions = {
    storage: form,
    fileFilter: (_request, file, decide) => decide(null, form.wants(file.fieldname)),
    limits: {
      fileSize: limits.attachmentBytes,
      fieldSize: limits.contentBytes,
      fieldNameSize: 100,
      parts: MAX_PARTS,
    },
    // Filenames are sent as UTF-8 by every current client; the default would read them as latin1.
    defParamCharset: 'utf8',
    streamHandler: (request, busboy) => {
      parser = busboy;
      form.listen(busboy);
      // multer collects the fields as well; its copy would be all that holds those we do not keep.
      busboy.on('field', () => {
        request.body = Object.create(null);
      });
      request.on('data', (piece: Buffer) => {
        counter.push(piece);
        guard.received(piece.length);
        // An attachment goes to the database, chunk by chunk; everything else stays in memory.
        if (!form.isReadingFile && !visit.takeFieldBytes(piece.length)) refuse(tooManyUploads());
      });
      request.pipe(busboy);
    },
  };
  const reading = multer(options).any()(ctx as never, async () => undefined);
  // After the guard has given up, multer's own end is of no interest.
  reading.catch(() => undefined);
  try {
    await Promise.race([reading, guard.expired, full]);
  } catch (error) {
    parser?.destroy(error as Error);
    throw asProblem(error, form, ctx.req, limits);
  } finally {
    guard.end();
  }
  if (counter.parts !== form.parts) throw malformed('A part of the body is not a form field.');
  return form.result();
}

/** A promise that never resolves, and what rejects it. */
export function refusal(): { readonly full: Promise<never>; readonly refuse: (problem: Problem) => false } {
  let reject: (problem: Problem) => void = () => {};
  const full = new Promise<never>((_, rejectIt) => {
    reject = rejectIt;
  });
  // Heard here as well: once the form has been read nobody waits for it.
  full.catch(() => undefined);
  const refuse = (problem: Problem) => {
    reject(problem);
    return false as const;
  };
  return { full, refuse };
}

/** Options of multer that its type declarations do not know yet. */
interface ParserOptions extends multer.Options {
  readonly defParamCharset: string;
  readonly streamHandler: (request: multer.MulterIncomingMessage, busboy: Writable) => void;
}

/** One form on its way in; also multer's storage engine. */
class FormReader {
  readonly #fields = new Map<string, string>();
  readonly #malformed: FieldFault[] = [];
  readonly #faults: FieldFault[] = [];
  #attachment: SubmittedAttachment | null = null;
  #attachmentSeen = false;
  #parts = 0;
  #isReadingFile = false;
  /** Why staging failed, when it was not the client. */
  stagingError: unknown;

  constructor(
    private readonly staging: ChunkStaging,
    /** Called when the attachment begins. @returns true when it may be stored; else the request has been refused. */
    private readonly mayStore: () => boolean,
  ) {}

  /** Whether what arrives now belongs to a file. */
  get isReadingFile(): boolean {
    return this.#isReadingFile;
  }

  /** Fields and files that the parser reported. */
  get parts(): number {
    return this.#parts;
  }

  listen(busboy: Writable): void {
    busboy.on('field', (name: string | undefined, value: string | undefined) => this.#field(name ?? '', value));
    busboy.on('file', (_name: string, stream: Readable, info: { filename?: string }) => {
      this.#parts++;
      this.#isReadingFile = true;
      stream.once('close', () => {
        this.#isReadingFile = false;
      });
      if (!info.filename) this.#faults.push(fault('attachment', 'missing_filename'));
    });
  }

  /** Whether a file is the one attachment. */
  wants(name: string): boolean {
    if (name !== 'attachment') this.#faults.push(fault(name, 'unknown_field'));
    else if (this.#attachmentSeen) this.#faults.push(fault(name, 'too_many_attachments'));
    else {
      this.#attachmentSeen = true;
      return true;
    }
    return false;
  }

  result(): ReadSubmission {
    const { filename } = this.#attachment ?? {};
    if (filename?.includes(REPLACEMENT)) this.#malformed.push(fault('attachment', 'invalid_utf8'));
    const { data, faults } = parseSendForm(this.#fields);
    return {
      data,
      attachment: this.#attachment,
      malformed: this.#malformed,
      faults: [...this.#faults, ...faults],
      // Everything that was submitted, whatever the order of the parts.
      submitted: [...this.#fields].sort(([a], [b]) => (a < b ? -1 : 1)),
    };
  }

  #field(name: string, value: string | undefined): void {
    this.#parts++;
    if (name === 'attachment') this.#faults.push(fault(name, 'missing_filename'));
    else if (this.#fields.has(name)) this.#faults.push(fault(name, 'repeated_field'));
    else {
      // No value: the part names a character set that does not exist.
      if (value === undefined || value.includes(REPLACEMENT)) this.#malformed.push(fault(name, 'invalid_utf8'));
      this.#fields.set(name, BODIES.has(name) ? (value ?? '') : beginning(value ?? ''));
    }
  }

  // The two methods by which multer knows a storage engine.
  _handleFile(_request: unknown, file: multer.File, done: (error?: unknown) => void): void {
    const { stream } = file as multer.File & { stream: Readable };
    if (!this.mayStore()) return void stream.resume();
    this.staging.write(stream).then(
      (digest) => {
        this.#attachment = { filename: file.originalname, contentType: file.mimetype, ...digest };
        done();
      },
      (error) => {
        // A stream that broke is the client's affair, and reported by multer.
        if (!stream.errored && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') this.stagingError = error;
        done(error);
      },
    );
  }

  _removeFile(_request: unknown, _file: multer.File, done: (error: Error) => void): void {
    // The request's handler alone cleans up: multer may ask for it while a chunk is still being written.
    (done as () => void)();
  }
}

/** Enough of a field to see that it is too long; a copy, because a slice would keep the whole in memory. */
function beginning(text: string): string {
  if (text.length <= MAX_SMALL_FIELD_CHARACTERS) return text;
  return Buffer.from(text.slice(0, MAX_SMALL_FIELD_CHARACTERS)).toString();
}

/** Refuses by the headers what need not be read. */
function checkHeaders(request: IncomingMessage, contentType: string, limits: ApiLimits): void {
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    throw new Problem(415, 'unsupported_media_type', 'The body has to be multipart/form-data or application/json.');
  }
  const length = request.headers['content-length'];
  if (length === undefined && request.headers['transfer-encoding'] === undefined) throw malformed('There is no body.');
  if (Number(length) > maxBodyBytes(limits)) throw tooLarge(limits);
}

export const malformed = (detail: string) => new Problem(400, 'malformed_request', detail);

function asProblem(error: unknown, form: FormReader, request: IncomingMessage, limits: ApiLimits) {
  if (form.stagingError) return form.stagingError;
  if (error instanceof Problem) return error;
  const { code, field } = error as { code?: string; field?: string };
  // A name that cannot be taken apart, such as `subject[a` beside `subject`.
  if (code === 'INVALID_FIELD_NAME') return invalidFields([fault(field ?? '', 'unknown_field')]);
  if (code === 'LIMIT_FILE_SIZE' || code === 'LIMIT_FIELD_VALUE') return tooLarge(limits);
  if (code === 'LIMIT_PART_COUNT') return malformed(`More than ${MAX_PARTS} parts.`);
  if (!request.complete) return new Problem(400, 'incomplete_body', 'The body ended before it was complete.');
  return malformed('The body is not well-formed multipart/form-data.');
}
