/** Decodes base64 that comes in pieces (RFC 4648, 4: padded; line breaks, as MIME has them, are skipped). */
export class Base64Decoder {
  /** Characters that do not make three bytes yet. */
  #rest = '';
  #padded = false;
  #valid = true;

  /** Whether all that came, and its end once that was told, is base64. */
  get valid(): boolean {
    return this.#valid;
  }

  /** @param piece each byte a character. @returns the bytes that are complete; none once something was not base64. */
  push(piece: string): Buffer {
    const text = this.#rest + piece.replace(/[\r\n]/g, '');
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    if (whole === 0) return Buffer.alloc(0);
    const groups = text.slice(0, whole);
    if (this.#padded || !/^[A-Za-z0-9+/]*={0,2}$/.test(groups)) this.#valid = false;
    this.#padded = groups.endsWith('=');
    return this.#valid ? Buffer.from(groups, 'base64') : Buffer.alloc(0);
  }

  /** Nothing more comes: what is left over was cut off. */
  end(): void {
    if (this.#rest !== '') this.#valid = false;
  }
}
