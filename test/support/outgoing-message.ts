import type { OutgoingMessage } from '../../src/providers/provider.js';

/** A message as adapters get it, with letters beyond ASCII wherever they may be. */
export function outgoingMessage(changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    emailId: '019a0000-0000-7000-8000-000000000001',
    generation: 1,
    attempt: 2,
    messageId: '<019a0000-0000-7000-8000-000000000001.1@mail.example.com>',
    sender: 'Bücherei <sender@example.com>',
    receiver: 'receiver@example.org',
    replyTo: 'reply@example.com',
    headers: {},
    subject: 'Grüße – 你好 ✉',
    text: 'Guten Tag, schöne Grüße',
    html: '<p>Guten Tag, <b>schöne</b> Grüße</p>',
    trackOpens: true,
    tags: ['invoice'],
    priority: 'critical',
    attachment: {
      filename: 'Übersicht „März" 你.pdf',
      contentType: 'application/pdf',
      bytes: Buffer.from('%PDF-1.7\0ÿ'),
    },
    ...changes,
  };
}
