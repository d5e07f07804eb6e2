import { PassThrough } from 'node:stream';
import type { ChunkStaging, Digest } from '../../domain/emails/chunks.js';
import type { FieldFault } from '../../http/problem.js';
import type { ApiLimits } from '../limits.js';
import { Base64Decoder } from './base64-decoder.js';
import { fault } from './faults.js';
import { malformed } from './form.js';
import { tooLarge } from './upload-guard.js';

/** What JSON may write for a character of base64: PHP escapes the slash, Gson the equals sign. */
const ESCAPES: Readonly<Record<string, string>> = { '/': '/', n: '\n', r: '\r' };
/** An escape that goes on in the next piece. */
const OPEN_ESCAPE = /\\(u[0-9a-f]{0,3})?$/i;

/** The content of a document's attachment: decoded as it comes, and on its way into the database. */
export class IncomingAttachment {
  readonly #decoder = new Base64Decoder();
  #stream: PassThrough | undefined;
  #storing: Promise<Digest> | undefined;
  #ended = false;
  #sizeBytes = 0;
  #escape = '';
  #broken = false;
  #fail: (error: unknown) => void = () => {};
  /** Rejects with what the staging throws; never resolves. */
  readonly failed: Promise<never>;
  /** What was stored; undefined while there is no content, or not all of it. */
  digest: Digest | undefined;

  /** @param mayStore asked when the content begins. @returns false when the request has been refused. */
  constructor(
    private readonly staging: ChunkStaging,
    private readonly limits: ApiLimits,
    private readonly mayStore: () => boolean,
  ) {
    this.failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
  }

  /** Takes a piece of the text as it stands in the document; undefined: its end. @throws Problem 413. */
  take(piece: Buffer | undefined): void {
    // A second one is a fault of the document, which is told of.
    if (this.#ended) return;
    this.#begin();
    if (piece) this.#write(this.#decoder.push(this.#unescaped(piece.toString('latin1'))));
    else this.#end();
  }

  #end(): void {
    this.#decoder.end();
    if (this.#escape !== '') this.#broken = true;
    this.#ended = true;
    this.#stream?.end();
  }

  /** Calls back when there is room for more. */
  whenTaken(done: () => void): void {
    const stream = this.#stream;
    const goOn = () => {
      stream?.off('drain', goOn).off('close', goOn);
      done();
    };
    if (stream?.writableNeedDrain && !stream.destroyed) stream.on('drain', goOn).on('close', goOn);
    else goOn();
  }

  /** Waits until all is stored. @throws Problem 400 when the document broke off within it. */
  async stored(): Promise<void> {
    if (this.#stream && !this.#ended) throw malformed('The body is not JSON.');
    this.digest = await this.#storing;
  }

  /** What is wrong with the content. */
  get faults(): readonly FieldFault[] {
    return this.#broken || !this.#decoder.valid ? [fault('attachment.content_base64', 'invalid_base64')] : [];
  }

  /** Nothing comes of it any more, unless it has ended. */
  abandon(): void {
    if (!this.#ended) this.#stream?.destroy(new Error('the request was refused'));
  }

  #begin(): void {
    if (this.#storing || !this.mayStore()) return;
    const stream = new PassThrough();
    // It is destroyed when the staging fails, which is what is told.
    stream.on('error', () => {});
    this.#stream = stream;
    this.#storing = this.staging.write(stream);
    this.#storing.catch((error) => this.#fail(error));
  }

  #write(bytes: Buffer): void {
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > this.limits.attachmentBytes) throw tooLarge(this.limits);
    if (bytes.length > 0 && this.#stream?.writable) this.#stream.write(bytes);
  }

  /** The text that JSON writes so; whatever is no character of base64 stays one that is none. */
  #unescaped(piece: string): string {
    // JSON has no line breaks within a text.
    if (piece.includes('\n') || piece.includes('\r')) this.#broken = true;
    if (this.#escape === '' && !piece.includes('\\')) return piece;
    const text = this.#escape + piece;
    this.#escape = OPEN_ESCAPE.exec(text)?.[0] ?? '';
    const whole = text.slice(0, text.length - this.#escape.length);
    return whole.replace(/\\(?:u([0-9a-f]{4})|([\s\S]))/gi, (_, hex?: string, letter = '') =>
      hex === undefined ? (ESCAPES[letter] ?? '\\') : String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
}
