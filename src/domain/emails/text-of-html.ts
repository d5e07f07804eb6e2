import { setImmediate as nextTurn } from 'node:timers/promises';
import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';

/** What these hold is not for a reader. */
const HIDDEN: ReadonlySet<string> = new Set(['script', 'style', 'title', 'template', 'textarea', 'select', 'svg']);
/** Stand apart from what is around them, by an empty line. */
const PARAGRAPHS: ReadonlySet<string> = new Set(
  'p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure fieldset section article header footer'.split(' '),
);
/** Begin and end a line. */
const LINES: ReadonlySet<string> = new Set(
  'div tr li dt dd caption figcaption address center form body main nav'.split(' '),
);
/** Lists within lists beyond this are bulleted. */
const MAX_LISTS = 50;
/** Takes no room, and pads previews. */
const NO_TEXT = /\u00ad|\u034f|\u200b|\ufeff/g;

/** What is read of a page: takes some 60 ms. Readers of HTML cut off after a tenth of it. */
const MAX_HTML = 1024 * 1024;
/** Lines and numbers of lists can be longer than their tags. Beyond this the text is cut: no real letter needs more. */
const SLACK = 1024;
/** Characters that are read in one turn: a few milliseconds. */
const TURN = 64 * 1024;
const CUT_OFF = '\n\n[…]';

/**
 * The text of an HTML message, for readers that show no HTML: paragraphs and lines where the page has them, lists,
 * the addresses of links behind their words, the descriptions of images.
 *
 * One pass over the tokens, no tree: its time grows with the length alone, whatever is nested or left open, because it
 * runs where e-mails of others are waiting. (The package html-to-text took 4 s for 240 KB of `<b>`.)
 *
 * @param html of a longer one than 1 MB the text of its first 1 MB is made, and says so at its end.
 * @returns hardly more characters than the HTML has, at most 1 KB; empty when there is nothing to read.
 */
export function textOfHtml(html: string): string {
  const reading = readPage(html);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

/** As `textOfHtml`, for a process that answers others meanwhile: they get their turn after every 64 KB. */
export async function textOfHtmlInTurns(html: string): Promise<string> {
  const reading = readPage(html);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    await nextTurn();
  }
}

/** Reads a page piece by piece, and yields between them. @returns its text. */
function* readPage(html: string): Generator<undefined, string> {
  const read = html.slice(0, MAX_HTML);
  const page = new Page(read);
  const tokenizer = new Tokenizer({ xmlMode: false, decodeEntities: true }, page);
  for (let at = 0; at < read.length; at += TURN) {
    if (at > 0) yield;
    tokenizer.write(read.slice(at, at + TURN));
  }
  tokenizer.end();
  const text = page.text.slice(0, read.length + SLACK).trim();
  return html.length > read.length ? text + CUT_OFF : text;
}

/** Listens to the tokens of one page. */
class Page implements TokenizerCallbacks {
  readonly #out = new Lines();
  #name = '';
  #attribute = '';
  #value = '';
  #attributes: Record<string, string> = {};
  /** The element whose content is left out, while it is open. */
  #hidden = '';
  #link = '';
  #linkWords = '';
  /** The number of the next item of each open list; 0 where items have none. */
  readonly #lists: number[] = [];
  #preformatted = 0;

  constructor(private readonly html: string) {}

  get text(): string {
    return this.#out.text;
  }

  ontext(start: number, end: number): void {
    this.#say(this.html.slice(start, end));
  }

  ontextentity(codePoint: number): void {
    this.#say(String.fromCodePoint(codePoint));
  }

  onopentagname(start: number, end: number): void {
    this.#name = this.html.slice(start, Math.min(end, start + 20)).toLowerCase();
    this.#attributes = {};
  }

  onattribname(start: number, end: number): void {
    this.#attribute = this.html.slice(start, Math.min(end, start + 20)).toLowerCase();
    this.#value = '';
  }

  onattribdata(start: number, end: number): void {
    if (this.#attribute === 'href' || this.#attribute === 'alt') this.#value += this.html.slice(start, end);
  }

  onattribentity(codePoint: number): void {
    this.#value += String.fromCodePoint(codePoint);
  }

  onattribend(): void {
    if (this.#attribute === 'href' || this.#attribute === 'alt') this.#attributes[this.#attribute] = this.#value;
  }

  onopentagend(): void {
    if (!this.#hidden) this.#open(this.#name);
  }

  onselfclosingtag(): void {
    // HTML knows none: the slash means nothing, as browsers have it.
    this.onopentagend();
  }

  onclosetag(start: number, end: number): void {
    const name = this.html.slice(start, Math.min(end, start + 20)).toLowerCase();
    if (this.#hidden === name) this.#hidden = '';
    else if (!this.#hidden) this.#close(name);
  }

  onend(): void {
    this.#endLink();
  }

  oncdata(): void {}
  oncomment(): void {}
  ondeclaration(): void {}
  onprocessinginstruction(): void {}

  #open(name: string): void {
    if (HIDDEN.has(name)) this.#hidden = name;
    else if (name === 'br') this.#out.newLine();
    else if (name === 'hr') this.#rule();
    else if (name === 'img') this.#say(` ${this.#attributes.alt ?? ''} `);
    else if (name === 'td' || name === 'th') this.#out.space();
    else if (name === 'a') this.#beginLink(this.#attributes.href ?? '');
    else this.#begin(name);
  }

  #begin(name: string): void {
    this.#block(name);
    if ((name === 'ul' || name === 'ol') && this.#lists.length < MAX_LISTS) this.#lists.push(name === 'ol' ? 1 : 0);
    if (name === 'pre') this.#preformatted++;
    if (name === 'li') this.#item();
  }

  #close(name: string): void {
    if (name === 'a') this.#endLink();
    if (name === 'ul' || name === 'ol') this.#lists.pop();
    if (name === 'pre') this.#preformatted = Math.max(0, this.#preformatted - 1);
    this.#block(name);
  }

  #block(name: string): void {
    // A list in a list is no paragraph of its own.
    if (PARAGRAPHS.has(name) && this.#lists.length === 0) this.#out.newParagraph();
    else if (PARAGRAPHS.has(name) || LINES.has(name)) this.#out.newLineOnce();
  }

  #item(): void {
    const next = this.#lists.at(-1) ?? 0;
    if (next > 0) this.#lists[this.#lists.length - 1] = next + 1;
    this.#out.write(next > 0 ? `${next}.` : '-');
    this.#out.space();
  }

  #rule(): void {
    this.#out.newParagraph();
    this.#out.write('---');
    this.#out.newParagraph();
  }

  #beginLink(href: string): void {
    this.#endLink();
    this.#link = /^(https?:|mailto:|tel:)/i.test(href) ? href.trim() : '';
    this.#linkWords = '';
  }

  /** A link whose words are its address says it once. */
  #endLink(): void {
    const link = this.#link;
    this.#link = '';
    if (!link || bare(link) === bare(this.#linkWords)) return;
    this.#out.space();
    this.#out.write(`<${link.replace(/^(mailto|tel):/i, '').replace(/[\s<>]/g, '')}>`);
  }

  #say(raw: string): void {
    if (this.#hidden) return;
    if (this.#link && this.#linkWords.length <= this.#link.length) this.#linkWords += raw;
    const text = raw.replace(NO_TEXT, '');
    if (this.#preformatted > 0) this.#out.writeLines(text);
    else this.#out.writeWords(text);
  }
}

const bare = (address: string) =>
  address
    .trim()
    .replace(/^(https?:\/\/|mailto:|tel:)/i, '')
    .replace(/\/$/, '')
    .toLowerCase();

/** Text on its way out: breaks and spaces are written when something follows them. */
class Lines {
  readonly #pieces: string[] = [];
  #breaks = 0;
  #space = false;

  get text(): string {
    return this.#pieces.join('');
  }

  newLine(): void {
    this.#breaks = Math.min(this.#breaks + 1, 2);
  }

  newLineOnce(): void {
    this.#breaks = Math.max(this.#breaks, 1);
  }

  newParagraph(): void {
    this.#breaks = 2;
  }

  space(): void {
    this.#space = true;
  }

  write(text: string): void {
    if (this.#pieces.length > 0 && this.#breaks > 0) this.#pieces.push('\n'.repeat(this.#breaks));
    else if (this.#pieces.length > 0 && this.#space) this.#pieces.push(' ');
    this.#breaks = 0;
    this.#space = false;
    this.#pieces.push(text);
  }

  /** White space of any kind and length is one space. */
  writeWords(text: string): void {
    const words = text.replace(/\s+/g, ' ');
    if (words.startsWith(' ')) this.space();
    const trimmed = words.trim();
    if (trimmed === '') return;
    this.write(trimmed);
    if (words.endsWith(' ')) this.space();
  }

  /** As it is. */
  writeLines(text: string): void {
    if (text !== '') this.write(text);
  }
}
