/** What takes a body as it comes. */
export interface BodySink {
  /** @returns how many bytes of memory it holds for this piece. @throws when nothing can come of the body any more. */
  push(piece: Buffer): number;
}

/** Keeps a body as it is. */
export class WholeBody implements BodySink {
  readonly #pieces: Buffer[] = [];

  push(piece: Buffer): number {
    this.#pieces.push(piece);
    return piece.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

/** Shapes of a body, by its media type. */
export const isUrlencoded = (mediaType: string) => /^application\/x-www-form-urlencoded\b/i.test(mediaType);
export const isMultipart = (mediaType: string) => /^multipart\/form-data\b/i.test(mediaType);
