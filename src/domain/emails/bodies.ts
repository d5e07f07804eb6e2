import { textOfHtml, textOfHtmlInTurns } from './text-of-html.js';

/** What an e-mail says, as the record has it. */
export interface StoredBodies {
  readonly content: string;
  readonly content_type: 'text/plain' | 'text/html';
  /** The other body, of the other type; null when it was not submitted. */
  readonly alternative: string | null;
}

/** Both bodies of a message. `text` is null where the HTML holds nothing to read: an empty part would look like spam. */
export interface Bodies {
  readonly text: string | null;
  readonly html: string;
}

/** Both bodies as they are sent; the one that was not submitted is made of the other. */
export function bodiesOf({ content, content_type, alternative }: StoredBodies): Bodies {
  if (content_type === 'text/plain') return { text: content, html: alternative ?? textAsHtml(content) };
  return { text: (alternative ?? textOfHtml(content)) || null, html: content };
}

/** The text that is made of HTML alone, as `bodiesOf` has it; null where none is made. Leaves turns to others. */
export async function generatedText({ content, content_type, alternative }: StoredBodies): Promise<string | null> {
  if (content_type === 'text/plain' || alternative !== null) return null;
  return (await textOfHtmlInTurns(content)) || null;
}

/** Plain text as a simple page that reads the same. */
function textAsHtml(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<!doctype html><html><body><div style="white-space: pre-wrap">${escaped}</div></body></html>`;
}
