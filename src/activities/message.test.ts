import { expect, it } from 'vitest';
import type { SendableEmail } from '../domain/attempts/permission.js';
import { composeMessage } from './message.js';

const config = { messageIdDomain: 'mail.example.com', publicUrl: 'https://mail.example.com' };
const composed = (changes: Partial<SendableEmail>) => {
  const email: SendableEmail = {
    id: '019a0000-0000-7000-8000-000000000001',
    priority: 'medium',
    sender: 'shop@example.com',
    receiver: 'ada@example.org',
    reply_to: null,
    subject: 'News',
    content: 'News.',
    content_type: 'text/plain',
    alternative: null,
    headers: null,
    track_opens: null,
    tags: [],
    notice_for: null,
    unsubscribe_key: null,
    ...changes,
  };
  return composeMessage(config, email, { generation: 1, attempt: 1 }, null);
};
const headersOf = (changes: Partial<SendableEmail>) => composed(changes).headers;

it('low e-mails can be unsubscribed from with one click, others not', () => {
  const headers = headersOf({ priority: 'low', unsubscribe_key: Buffer.alloc(32, 1) });
  expect(headers).toEqual({
    'List-Unsubscribe': expect.stringMatching(
      /^<https:\/\/mail\.example\.com\/unsubscribe\/019a0000-0000-7000-8000-000000000001\.1\.[\w-]{22}>$/,
    ),
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  });
  expect(headersOf({ priority: 'medium' })).toEqual({});
  expect(headersOf({ priority: 'critical' })).toEqual({});
});

it('headers of the client come along in ASCII, and never in the place of ours', () => {
  const headers = { 'X-Note': 'Grüße', 'list-unsubscribe': '<https://example.com>', References: '<a@b.example>' };
  const { headers: sent } = composed({ headers, priority: 'low', unsubscribe_key: Buffer.alloc(32, 1) });
  expect(Object.keys(sent)).toEqual(['X-Note', 'References', 'List-Unsubscribe', 'List-Unsubscribe-Post']);
  expect(sent).toMatchObject({ 'X-Note': '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=', References: '<a@b.example>' });
});

it('the body that was not submitted is made of the other', () => {
  expect(composed({ content: 'a < b', track_opens: false })).toMatchObject({
    text: 'a < b',
    html: expect.stringContaining('>a &lt; b</div></body>'),
  });
  const html = '<p>Pay <a href="https://example.com/p">here</a></p>';
  expect(composed({ content: html, content_type: 'text/html', track_opens: false })).toMatchObject({
    text: 'Pay here <https://example.com/p>',
    html,
  });
  expect(composed({ content: '<img src="a.png">', content_type: 'text/html' }).text).toBeNull();
});

it('both bodies that were submitted are sent as they are', () => {
  const both = { content: '<p>page</p>', content_type: 'text/html', alternative: 'words', track_opens: false } as const;
  expect(composed(both)).toMatchObject({ text: 'words', html: '<p>page</p>', trackOpens: false });
});

it('an e-mail whose opens are not tracked has no pixel, and says so to the provider', () => {
  const untracked = composed({ track_opens: false });
  expect([untracked.html.includes('<img'), untracked.trackOpens]).toEqual([false, false]);
  const tracked = composed({ track_opens: null });
  expect([tracked.html.includes('<img'), tracked.trackOpens]).toEqual([true, true]);
});

it('the pixel follows a page that has no end of a body', () => {
  const { html } = composed({ content: '<p>a</p>', content_type: 'text/html' });
  expect(html).toMatch(/^<p>a<\/p><img [^<>]*>$/);
});

it('failure notices say that a machine wrote them', () => {
  expect(headersOf({ notice_for: '019a0000-0000-7000-8000-000000000002' })).toEqual({
    'Auto-Submitted': 'auto-generated',
  });
});

it('the pixel stands before the end of the body, whatever letters come before it', () => {
  const email = { content: 'İyi günler, İstanbul!', content_type: 'text/plain' } as const;
  const { html } = composed(email);
  expect(html).toMatch(/İyi günler, İstanbul!<\/div><img [^<>]*><\/body><\/html>$/);
  const twice = composed({ content: '<BODY>İ&lt;/body> </Body></html>', content_type: 'text/html' });
  expect(twice.html).toMatch(/^<BODY>İ&lt;\/body> <img [^<>]*><\/Body><\/html>$/);
});
