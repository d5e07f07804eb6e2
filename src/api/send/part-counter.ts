/**
 * Counts the parts of a multipart body as its bytes go by. The parser skips parts it does not understand without a
 * word (an attachment with a malformed header, say); only the count tells that something was said and not heard.
 */
export class PartCounter {
  readonly #delimiter: Buffer;
  /** The end of what was seen, in case a delimiter lies across two pieces; a body may begin with one. */
  #tail: Buffer = Buffer.from('\r\n');
  #delimiters = 0;

  /** @param contentType the request's header; without a readable boundary nothing is counted. */
  constructor(contentType: string) {
    const match = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType);
    this.#delimiter = Buffer.from(`\r\n--${match?.[1] ?? match?.[2] ?? ''}`, 'latin1');
  }

  push(piece: Buffer): void {
    const kept = this.#delimiter.length - 1;
    // The seam is searched on its own, so that a large piece is not copied.
    const seam = Buffer.concat([this.#tail, piece.subarray(0, kept)]);
    this.#delimiters += this.#occurrences(seam) + this.#occurrences(piece);
    this.#tail = piece.length >= kept ? Buffer.from(piece.subarray(piece.length - kept)) : seam.subarray(-kept);
  }

  /** Every part begins with a delimiter, and one more ends the last. */
  get parts(): number {
    return Math.max(0, this.#delimiters - 1);
  }

  #occurrences(bytes: Buffer): number {
    let count = 0;
    for (let at = bytes.indexOf(this.#delimiter); at !== -1; at = bytes.indexOf(this.#delimiter, at + 1)) count++;
    return count;
  }
}
