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
