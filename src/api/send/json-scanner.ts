/** Why nothing can come of a document any more. */
export class ScanError extends Error {
  override readonly name = 'ScanError';
}

export interface ScanLimits {
  /** Objects and lists within one another. */
  readonly depth: number;
  /** Members and items, all together. */
  readonly values: number;
  /** A name's bytes, as they are written. */
  readonly nameBytes: number;
}

/** Takes the one text that does not stay in the document; `undefined` is its end. */
type TakeText = (piece: Buffer | undefined) => void;

interface Container {
  /** The names that an object has had; null for a list. */
  readonly names: Set<string> | null;
  /** The name of the member that is being read. */
  name: string;
  /** What comes next in an object is a name. */
  expectsName: boolean;
}

/** Of names that are given twice: so many are told of, each by so much of its path. A path can be a thousand times its name. */
const MOST_REPEATED = 50;
const PATH_CHARACTERS = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Reads JSON as it comes, before anything is built of it. It bounds depth and number of values, finds names that are
 * given twice (which `JSON.parse` would pass over), and takes one large text out on its way, so that it never lies in
 * memory. It looks only at what it needs: whether the whole is JSON is for the parser to say.
 */
export class JsonScanner {
  readonly #stack: Container[] = [];
  readonly #repeated: string[] = [];
  #values = 0;
  /** What the string is that is being read; none outside of one. */
  #string: 'none' | 'name' | 'value' | 'taken' = 'none';
  #escaped = false;
  #name: Buffer[] = [];
  #nameBytes = 0;

  /**
   * @param path the names that lead to the text which is taken out.
   * @param keep is given the document's bytes, without that text.
   */
  constructor(
    private readonly path: readonly string[],
    private readonly limits: ScanLimits,
    private readonly keep: (piece: Buffer) => void,
    private readonly take: TakeText,
  ) {}

  /** Members that were given more than once, each by the beginning of its path; the first ones where there are many. */
  get repeated(): readonly string[] {
    return this.#repeated;
  }

  /** @throws ScanError beyond a limit; what `keep` and `take` throw. */
  push(piece: Buffer): void {
    let keptFrom = 0;
    for (let at = 0; at < piece.length; ) {
      if (this.#string === 'none') {
        at = this.#structure(piece, at);
        // The opening quote of the text that is taken stays in the document.
        if (this.#isTaking()) this.#kept(piece, keptFrom, at);
        continue;
      }
      const end = this.#endOfString(piece, at);
      if (this.#string === 'name') this.#addToName(piece.subarray(at, end.at));
      if (this.#isTaking()) {
        if (end.at > at) this.take(piece.subarray(at, end.at));
        keptFrom = end.at;
      }
      at = end.at;
      if (!end.closed) continue;
      at++;
      this.#closeString();
    }
    if (!this.#isTaking()) this.#kept(piece, keptFrom, piece.length);
  }

  #isTaking(): boolean {
    return this.#string === 'taken';
  }

  #kept(piece: Buffer, from: number, to: number): void {
    // A copy where little is kept: a part of a piece holds the whole of it in memory.
    if (to > from)
      this.keep(to - from < piece.length / 2 ? Buffer.from(piece.subarray(from, to)) : piece.subarray(from, to));
  }

  /** Goes on to the next string. @returns the position after what was read. */
  #structure(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at++) {
      const byte = piece[at];
      if (byte === QUOTE) {
        this.#openString();
        return at + 1;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte === OPEN_BRACE);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#stack.pop();
      else if (byte === COMMA) this.#next();
      else if (byte === COLON) this.#expectValue();
    }
    return piece.length;
  }

  #open(isObject: boolean): void {
    this.#count();
    if (this.#stack.length >= this.limits.depth) {
      throw new ScanError(`The body is nested deeper than ${this.limits.depth} levels.`);
    }
    this.#stack.push({ names: isObject ? new Set() : null, name: '', expectsName: isObject });
  }

  #next(): void {
    this.#count();
    const top = this.#stack.at(-1);
    if (top) top.expectsName = top.names !== null;
  }

  #count(): void {
    this.#values++;
    if (this.#values > this.limits.values) throw new ScanError(`The body has more than ${this.limits.values} values.`);
  }

  #expectValue(): void {
    const top = this.#stack.at(-1);
    if (top) top.expectsName = false;
  }

  #openString(): void {
    if (this.#stack.at(-1)?.expectsName) {
      this.#string = 'name';
      this.#name = [];
      this.#nameBytes = 0;
    } else this.#string = this.#isAtPath() ? 'taken' : 'value';
  }

  #isAtPath(): boolean {
    const stack = this.#stack;
    return stack.length === this.path.length && this.path.every((name, depth) => stack[depth]?.name === name);
  }

  /** Where the scan is: the names that lead there, as far as they are told. */
  #path(): string {
    let path = '';
    for (const { names, name } of this.#stack) {
      if (path.length >= PATH_CHARACTERS) break;
      if (names) path += `${path === '' ? '' : '.'}${name.slice(0, PATH_CHARACTERS)}`;
    }
    return path.slice(0, PATH_CHARACTERS);
  }

  /** The string's closing quote, or the end of the piece. */
  #endOfString(piece: Buffer, from: number): { readonly at: number; readonly closed: boolean } {
    let at = this.#escaped ? from + 1 : from;
    this.#escaped = false;
    for (; at < piece.length; at++) {
      if (piece[at] === BACKSLASH) at++;
      else if (piece[at] === QUOTE) return { at, closed: true };
    }
    this.#escaped = at > piece.length;
    return { at: piece.length, closed: false };
  }

  #addToName(part: Buffer): void {
    this.#nameBytes += part.length;
    if (this.#nameBytes > this.limits.nameBytes) {
      throw new ScanError(`A name in the body is longer than ${this.limits.nameBytes} bytes.`);
    }
    this.#name.push(Buffer.from(part));
  }

  #closeString(): void {
    const was = this.#string;
    this.#string = 'none';
    if (was === 'taken') this.take(undefined);
    const top = this.#stack.at(-1);
    if (was !== 'name' || !top?.names) return;
    top.name = decoded(Buffer.concat(this.#name));
    if (top.names.has(top.name) && this.#repeated.length < MOST_REPEATED) this.#repeated.push(this.#path());
    top.names.add(top.name);
  }
}

/** A name with its escapes read, so that two ways to write one are one. What cannot be read is no JSON anyway. */
function decoded(name: Buffer): string {
  const text = name.toString('utf8');
  if (!name.includes(BACKSLASH)) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
