import { createHmac } from 'node:crypto';
import type { Happening, Message, MessageEvent } from '../message.js';

/** Mandrill's names; it says nothing of a message being accepted, only of it being sent. */
export const MANDRILL_EVENTS: Readonly<Partial<Record<Happening, string>>> = {
  accepted: 'send',
  delivered: 'delivered',
  deferred: 'deferral',
  hard_bounce: 'hard_bounce',
  soft_bounce: 'soft_bounce',
  suppressed: 'reject',
  rejected: 'reject',
  opened: 'open',
  clicked: 'click',
  complained: 'spam',
  unsubscribed: 'unsub',
};

/** The state that an event leaves a message in, as Mandrill shows it. */
const STATES: Readonly<Partial<Record<Happening, string>>> = {
  deferred: 'deferred',
  hard_bounce: 'bounced',
  soft_bounce: 'soft-bounced',
  suppressed: 'rejected',
  rejected: 'rejected',
  complained: 'spam',
  unsubscribed: 'unsub',
};

/** Mandrill's state of a message, from what has happened to it so far. */
export function mandrillState(events: readonly Pick<MessageEvent, 'type'>[]): string {
  const last = events.findLast((event) => event.type === 'delivered' || STATES[event.type] !== undefined);
  return (last && STATES[last.type]) ?? 'sent';
}

const DIAGNOSES: Readonly<Partial<Record<Happening, { bounce_description: string; diag: string }>>> = {
  hard_bounce: { bounce_description: 'bad_mailbox', diag: 'smtp;550 5.1.1 The mailbox does not exist' },
  soft_bounce: { bounce_description: 'mailbox_full', diag: 'smtp;452 4.2.2 The mailbox is full' },
};

/** An event as Mandrill's webhooks show it. */
export function mandrillEvent(message: Message, event: MessageEvent) {
  const ts = Math.floor(event.atMs / 1000);
  const byReader = event.type === 'opened' || event.type === 'clicked';
  return {
    event: MANDRILL_EVENTS[event.type],
    _id: message.providerMessageId,
    ts,
    ...(byReader && { ip: '127.0.0.1', user_agent: 'sandbox', location: null, user_agent_parsed: null }),
    ...(event.type === 'clicked' && { url: 'http://example.com/' }),
    msg: {
      _id: message.providerMessageId,
      ts: Math.floor(message.acceptedAtMs / 1000),
      email: message.receiver,
      sender: message.sender,
      subject: message.subject,
      state: mandrillState([event]),
      tags: message.tags,
      metadata: message.variables,
      opens: event.type === 'opened' ? [{ ts, ip: '127.0.0.1', location: null, ua: 'sandbox' }] : [],
      clicks: event.type === 'clicked' ? [{ ts, url: 'http://example.com/' }] : [],
      smtp_events: [],
      resends: [],
      reject: event.type === 'rejected' ? message.refusal : null,
      template: null,
      subaccount: null,
      ...DIAGNOSES[event.type],
    },
  };
}

/** The request that tells of a batch of events, signed for the URL as it is configured. */
export function mandrillWebhook(
  told: readonly { message: Message; event: MessageEvent }[],
  url: string,
  webhookKey: string,
) {
  const events = JSON.stringify(told.map(({ message, event }) => mandrillEvent(message, event)));
  const signature = createHmac('sha1', webhookKey).update(`${url}mandrill_events${events}`).digest('base64');
  return {
    headers: { 'x-mandrill-signature': signature },
    body: new URLSearchParams({ mandrill_events: events }),
  };
}
