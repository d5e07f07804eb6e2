import { createHmac } from 'node:crypto';
import type { Happening, Message, MessageEvent } from '../message.js';

interface Shape {
  readonly event: string;
  readonly severity?: 'temporary' | 'permanent';
  readonly extra?: (domain: string) => object;
}

/** Mailgun's name for what happened, and the fields that only such an event has. */
const SHAPES: Readonly<Record<Happening, Shape>> = {
  accepted: { event: 'accepted', extra: () => ({ method: 'HTTP', 'originating-ip': '127.0.0.1' }) },
  delivered: { event: 'delivered', extra: () => ({ 'delivery-status': deliveryStatus(250, 'OK') }) },
  deferred: {
    event: 'failed',
    severity: 'temporary',
    extra: () => ({
      reason: 'generic',
      'delivery-status': { ...deliveryStatus(421, '', '4.7.0 Try again later'), 'retry-seconds': 600 },
    }),
  },
  hard_bounce: {
    event: 'failed',
    severity: 'permanent',
    extra: () => ({
      reason: 'bounce',
      'delivery-status': deliveryStatus(550, 'No such mailbox', '5.1.1 The mailbox does not exist'),
    }),
  },
  soft_bounce: {
    event: 'failed',
    severity: 'permanent',
    extra: () => ({
      reason: 'old',
      'delivery-status': deliveryStatus(602, 'Too old', 'Too old'),
    }),
  },
  suppressed: {
    event: 'failed',
    severity: 'permanent',
    extra: () => ({
      reason: 'suppress-bounce',
      'delivery-status': deliveryStatus(605, '', 'Not delivering to previously bounced address'),
    }),
  },
  rejected: {
    event: 'rejected',
    extra: () => ({ reject: { reason: 'Sandbox receiver', description: 'The receiver asked for it' } }),
  },
  opened: { event: 'opened', extra: reader },
  clicked: { event: 'clicked', extra: (domain) => ({ ...reader(domain), url: 'http://example.com/' }) },
  complained: { event: 'complained' },
  unsubscribed: { event: 'unsubscribed', extra: reader },
};

function deliveryStatus(code: number, message: string, description = '') {
  return {
    code,
    message,
    description,
    'attempt-no': 1,
    'session-seconds': 0.1,
    'mx-host': '127.0.0.1',
    tls: false,
    'certificate-verified': false,
    utf8: true,
  };
}

function reader(domain: string) {
  return {
    ip: '127.0.0.1',
    geolocation: { country: 'Unknown', region: 'Unknown', city: 'Unknown' },
    'client-info': {
      'client-name': 'unknown',
      'client-os': 'unknown',
      'client-type': 'unknown',
      'device-type': 'unknown',
      'user-agent': 'sandbox',
      bot: '',
    },
    'recipient-domain': domain,
  };
}

/** Mailgun's name of an event, as used in its filters. */
export function mailgunEventName(type: Happening): string {
  return SHAPES[type].event;
}

export function mailgunSeverity(type: Happening): 'temporary' | 'permanent' | undefined {
  return SHAPES[type].severity;
}

/** An event as Mailgun's webhooks and look-ups show it. */
export function mailgunEvent(message: Message, event: MessageEvent) {
  const domain = message.receiver.split('@')[1] ?? '';
  const { event: name, severity, extra } = SHAPES[event.type];
  return {
    event: name,
    id: event.id,
    timestamp: event.atMs / 1000,
    'log-level': name === 'failed' || name === 'rejected' ? 'error' : 'info',
    recipient: message.receiver,
    'recipient-domain': domain,
    tags: message.tags,
    campaigns: [],
    'user-variables': message.variables,
    flags: { 'is-routed': false, 'is-authenticated': true, 'is-system-test': false, 'is-test-mode': false },
    envelope: { transport: 'smtp', sender: message.sender, 'sending-ip': '127.0.0.1', targets: message.receiver },
    'delivery-status': null,
    message: {
      headers: {
        'message-id': message.messageIdHeader.replace(/^<|>$/g, ''),
        from: message.sender,
        to: message.receiver,
        subject: message.subject,
      },
      attachments: message.attachments.map((attachment) => ({
        filename: attachment.filename,
        'content-type': attachment.contentType,
        size: attachment.sizeBytes,
      })),
      size: message.sizeBytes,
    },
    ...(severity && { severity }),
    ...extra?.(domain),
  };
}

/**
 * The request that tells of an event. Timestamp and token belong to the event, so every repetition carries the same
 * signature block.
 */
export function mailgunWebhook(message: Message, event: MessageEvent, signingKey: string) {
  const timestamp = String(Math.floor(event.atMs / 1000));
  const signature = createHmac('sha256', signingKey)
    .update(timestamp + event.token)
    .digest('hex');
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      signature: { timestamp, token: event.token, signature },
      'event-data': mailgunEvent(message, event),
    }),
  };
}
