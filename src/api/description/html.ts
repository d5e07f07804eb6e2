/** HTML that is safe to put beside other HTML. */
export class Html {
  constructor(readonly text: string) {}
}

type Content = string | Html | undefined | false | readonly Content[];

/** HTML with values in it; what is no HTML is text. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(parts.map((part, index) => part + textOf(values[index])).join(''));
}

function textOf(value: Content): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value !== 'string') return value.map(textOf).join('');
  return escaped(value);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);

/** The little of Markdown that our descriptions use: paragraphs, and `code`. */
export function paragraphs(text = ''): Html {
  const inline = (piece: string) => new Html(escaped(piece).replaceAll(/`([^`]+)`/g, '<code>$1</code>'));
  return html`${text.split(/\n\n+/).map((piece) => html`<p>${inline(piece.trim())}</p>`)}`;
}
