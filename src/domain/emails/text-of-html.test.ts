import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textOfHtml, textOfHtmlInTurns } from './text-of-html.js';

describe('the text of an HTML message', () => {
  it.each([
    ['paragraphs', '<h1>Your order</h1><p>Thank\n  you.</p><p>Bye</p>', 'Your order\n\nThank you.\n\nBye'],
    ['lines', 'a<br>b<div>c</div><div>d</div>e', 'a\nb\nc\nd\ne'],
    ['words that are marked up', '<b>bo</b>ld <i>and</i> <u>so</u>', 'bold and so'],
    ['tables', '<table><tr><td>A</td><td>1</td></tr><tr><th>B<td>2</table>', 'A 1\nB 2'],
    ['lists', '<ul><li>one<li>two</ul><ol><li>x</li><li>y</li></ol>', '- one\n- two\n\n1. x\n2. y'],
    ['links', '<a href="https://example.com/a?b=1&amp;c=2">Pay</a> now', 'Pay <https://example.com/a?b=1&c=2> now'],
    ['links that say their address', '<a href="https://example.com/">example.com</a>', 'example.com'],
    ['links of mail', '<a href="mailto:a@example.com">Write</a>', 'Write <a@example.com>'],
    [
      'links that are left open',
      '<a href="https://example.com/x">one<a href="#y">two',
      'one <https://example.com/x>two',
    ],
    ['no links that run', '<a href="javascript:alert(1)">x</a>', 'x'],
    ['images by their description', '<img src="https://example.com/l.png" alt="Logo">Hi', 'Logo Hi'],
    ['entities', '&euro;&nbsp;5 &lt;b&gt; &Uuml; &#128075;', '€ 5 <b> Ü 👋'],
    ['what is preformatted', '<pre>a\n  b</pre>c', 'a\n  b\n\nc'],
    ['a line across', 'a<hr>b', 'a\n\n---\n\nb'],
    ['letters that change their length in lower case', 'İ<B>İ</B> <P>İ', 'İİ\n\nİ'],
  ])('has %s', (_, html, text) => {
    expect(textOfHtml(html)).toBe(text);
  });

  it('leaves out what is not for a reader', () => {
    const html =
      '<html><head><title>T</title><style>p{}</style></head><body><script>if (a<b) {}</script><!-- c --><p>Hi</body></html>';
    expect(textOfHtml(html)).toBe('Hi');
  });

  it.each(['', '<img src="a.png">', '<style>p{}</style>', ' &nbsp;\u200b'])(
    'is empty where there is none: %j',
    (html) => {
      expect(textOfHtml(html)).toBe('');
    },
  );

  it('is hardly longer than the HTML, whatever that is', () => {
    const tag = fc.constantFrom(
      '<p>',
      '</p>',
      '<li>',
      '<ol>',
      '</ol>',
      '<hr>',
      '<br>',
      '<a href="https://x">',
      '</a>',
      '<td>',
      '<pre>',
    );
    const piece = fc.oneof(tag, fc.string(), fc.constantFrom('&', '&amp;', '<', 'İ', '<!--', '<script>', '"'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const html = pieces.join('');
        expect(textOfHtml(html).length).toBeLessThanOrEqual(html.length + 1024);
      }),
    );
  });

  it('is made of the first MB of a longer page, and says so', () => {
    const text = textOfHtml('<p>word</p>'.repeat(200_000));
    expect(text).toMatch(/^word\n\nword\n[\s\S]*\n\n\[…\]$/);
    expect(text.length).toBeLessThan(1024 * 1024);
  });

  it('leaves turns to others where that is asked for, and is the same', async () => {
    // So long that pieces end within tags, words, entities and comments.
    const html = '<p title="a>b">wörd &amp; <a href="https://example.com/x">x</a><!-- c --> '.repeat(9_000);
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const text = await textOfHtmlInTurns(html);
    isOver = true;
    expect(turns).toBeGreaterThan(5);
    expect(text).toBe(textOfHtml(html));
    const whole = 'wörd & x <https://example.com/x>';
    expect(text).toBe(Array.from({ length: 9_000 }, () => whole).join('\n\n'));
  });

  it('of pages that are nested, left open or wrong without measure is made in one pass', () => {
    for (const part of [
      '<b>',
      '<div>',
      '<ul><li>',
      '<table><tr><td>',
      '</i>',
      '<a href="https://x',
      '<!--',
      '&#x',
      '<x a=b ',
    ]) {
      const pieces = textOfHtml(part.repeat(200_000 / part.length));
      expect(pieces.length).toBeLessThanOrEqual(200_000 + 1024);
    }
  });
});
