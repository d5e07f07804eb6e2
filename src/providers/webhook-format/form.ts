import type { BodySink } from './body-sink.js';
import { NotUnderstoodError } from './format.js';

/** One field as it came, decoded; large values stay in the pieces in which they came. */
export interface RawField {
  readonly name: string;
  readonly value: readonly Buffer[];
}

/** Far more than any field's name has. */
const MAX_NAME_BYTES = 1_000;

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PLUS = 0x2b;
const PERCENT = 0x25;
const SPACE = 0x20;

/** The value of each hexadecimal digit's character; -1 for all others. */
const DIGITS = Int8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return digit;
});

/**
 * Takes an `application/x-www-form-urlencoded` body apart as it comes, in one pass over its bytes: nothing is made of
 * it but the decoded bytes, and it is given up at the first field too many. The rules are those of the URL standard:
 * empty fields do not count, `%` that is no escape stands for itself.
 */
export class UrlencodedForm implements BodySink {
  readonly #fields: RawField[] = [];
  #separators = 0;
  #name: Buffer[] = [];
  #value: Buffer[] | undefined;
  #nameBytes = 0;
  /** An escape that lies across two pieces. */
  #cut: Buffer = Buffer.alloc(0);

  /** @param mostFields empty ones included. */
  constructor(private readonly mostFields: number) {}

  /** @throws NotUnderstoodError when there are too many fields, or a name is too long. */
  push(piece: Buffer): number {
    this.#scan(this.#cut.length > 0 ? Buffer.concat([this.#cut, piece]) : piece, false);
    return piece.length;
  }

  /** Called once, after the last piece. */
  fields(): readonly RawField[] {
    this.#scan(this.#cut, true);
    this.#endField();
    return this.#fields;
  }

  #scan(bytes: Buffer, isLast: boolean): void {
    const decoded = Buffer.allocUnsafe(bytes.length);
    let from = 0;
    let to = 0;
    let at = 0;
    const keep = () => {
      if (to > from) this.#keep(decoded.subarray(from, to));
      from = to;
    };
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === AMPERSAND) {
        keep();
        this.#endField();
        if (++this.#separators >= this.mostFields) throw new NotUnderstoodError('the form has too many fields');
      } else if (byte === EQUALS && !this.#value) {
        keep();
        this.#value = [];
      } else if (byte === PERCENT) {
        if (at + 2 >= bytes.length && !isLast) break;
        const code = (DIGITS[bytes[at + 1] ?? 0]! << 4) | DIGITS[bytes[at + 2] ?? 0]!;
        if (code >= 0) at += 2;
        decoded[to++] = code >= 0 ? code : PERCENT;
      } else {
        decoded[to++] = byte === PLUS ? SPACE : byte;
      }
    }
    keep();
    this.#cut = Buffer.from(bytes.subarray(at));
  }

  #keep(decoded: Buffer): void {
    if (this.#value) {
      this.#value.push(decoded);
      return;
    }
    this.#nameBytes += decoded.length;
    if (this.#nameBytes > MAX_NAME_BYTES) throw new NotUnderstoodError('the name of a field is too long');
    this.#name.push(decoded);
  }

  #endField(): void {
    const value = this.#value;
    if (value || this.#nameBytes > 0) {
      this.#fields.push({ name: Buffer.concat(this.#name).toString('utf8'), value: value ?? [] });
    }
    this.#name = [];
    this.#nameBytes = 0;
    this.#value = undefined;
  }
}

/** A field's value as text. */
export const textOfField = ({ value }: RawField) => Buffer.concat(value).toString('utf8');
