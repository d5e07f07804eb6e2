import { once } from 'node:events';
import busboy from 'busboy';
import type { BodySink } from './body-sink.js';
import { NotUnderstoodError } from './format.js';

/** RFC 2046, 5.1.1. A longer one only serves to make the search for it slow. */
const MAX_BOUNDARY_LENGTH = 70;
const MAX_FILES = 20;

/**
 * Takes a `multipart/form-data` body apart as it comes. Its fields are kept; its files are passed over, whatever their
 * size: Mailgun's legacy webhooks attach the bounced message.
 */
export class MultipartForm implements BodySink {
  readonly #fields: [name: string, value: string][] = [];
  readonly #parser: ReturnType<typeof busboy>;
  #fault: string | undefined;
  #fieldBytes = 0;
  #heldBytes = 0;

  /**
   * @param mostBytes of all fields together.
   * @throws NotUnderstoodError when the media type names no usable boundary.
   */
  constructor(
    mediaType: string,
    mostFields: number,
    private readonly mostBytes: number,
  ) {
    const limits = { fields: mostFields, fieldSize: mostBytes, parts: mostFields + MAX_FILES };
    try {
      this.#parser = busboy({ headers: { 'content-type': mediaType }, limits });
    } catch {
      throw new NotUnderstoodError('the form has no boundary');
    }
    const boundary = /boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(mediaType);
    if ((boundary?.[1] ?? boundary?.[2] ?? '').length > MAX_BOUNDARY_LENGTH) {
      throw new NotUnderstoodError("the form's boundary is too long");
    }
    // Nobody listens for files: the parser passes over them.
    this.#parser.on('field', (name: string | undefined, value: string | undefined) => this.#keep(name, value));
    this.#parser.on('fieldsLimit', () => this.#refuse('the form has too many fields'));
    this.#parser.on('partsLimit', () => this.#refuse('the form has too many parts'));
    this.#parser.on('error', () => this.#refuse('the body is not a form'));
  }

  /** @throws NotUnderstoodError when there are too many fields or parts, or it is no such form. */
  push(piece: Buffer): number {
    this.#parser.write(piece);
    this.#check();
    // A field that has not ended yet is held by the parser; it is never more than all fields may have.
    const held = Math.min(piece.length, this.mostBytes - this.#heldBytes);
    this.#heldBytes += held;
    return held;
  }

  /** The text fields in order; called once, after the last piece. @throws NotUnderstoodError */
  async fields(): Promise<readonly (readonly [name: string, value: string])[]> {
    const closed = once(this.#parser, 'close').catch(() => undefined);
    this.#parser.end();
    await closed;
    this.#check();
    return this.#fields;
  }

  #keep(name: string | undefined, value: string | undefined): void {
    this.#fieldBytes += Buffer.byteLength(name ?? '') + Buffer.byteLength(value ?? '');
    if (this.#fieldBytes > this.mostBytes) this.#refuse('the fields are too long');
    // No value: the part names a character set that does not exist.
    else this.#fields.push([name ?? '', value ?? '']);
  }

  #refuse(fault: string): void {
    this.#fault ??= fault;
  }

  #check(): void {
    if (this.#fault === undefined) return;
    this.#parser.destroy();
    throw new NotUnderstoodError(this.#fault);
  }
}
