import FormData from 'form-data';
import Mailgun from 'mailgun.js';
import type { MailgunMessageData } from 'mailgun.js/definitions';
import { attachmentType } from '../calls/attachment-type.js';
import { failureOfBreak, safeCode, unsafeHeader } from '../calls/failure.js';
import { createHttpCaller, type HttpCaller, type HttpOutcome } from '../calls/http-call.js';
import { withoutBrackets } from '../calls/message-id.js';
import { tagsWithin } from '../calls/tags.js';
import type {
  AskableAdapter,
  LoggedAdapter,
  LookUpQuery,
  LookUpResult,
  OutgoingMessage,
  SendResult,
} from '../provider.js';
import { mailgunLog } from './log.js';
import { LIMITS, type MailgunSettings } from './settings.js';
import { mailgunFailure } from './taxonomy.js';

/** Mailgun's messages API (https://documentation.mailgun.com/docs/mailgun/api-reference) through mailgun.js. */
export function createMailgun(settings: MailgunSettings): AskableAdapter & LoggedAdapter {
  const call = createHttpCaller();
  const { domain } = settings;

  /**
   * Not `events.get`, which prints a line about its deprecation on every call; the endpoint itself is the one that can
   * search by Message-ID.
   */
  async function getEvents(page: string, params: [string, string][], signal: AbortSignal) {
    const search = params.length > 0 ? { searchParams: params } : undefined;
    const { body } = await clientFor(settings, call, signal).request.get(`/v3/${domain}/events${page}`, search);
    return body;
  }

  async function lookUpOne(query: LookUpQuery, signal: AbortSignal): Promise<LookUpResult> {
    const byId: [string, string] = ['message-id', withoutBrackets(query.messageId)];
    const body = await getEvents('', [byId, ['limit', '300']], signal);
    return evidenceIn(body.items ?? [], query);
  }

  return {
    async send(message, signal) {
      const unsafe = unsafeHeader(message);
      if (unsafe) return unsafe;
      try {
        return resultOf(await clientFor(settings, call, signal).messages.create(domain, formOf(message)));
      } catch (error) {
        if (error instanceof CallFailedError) return error.toFailed();
        throw error;
      }
    },
    async probe(signal) {
      try {
        const { body } = await clientFor(settings, call, signal).request.get(`/v4/domains/${domain}`, PROBE);
        // A domain that Mailgun has switched off is answered for, and takes no mail.
        return isDisabled(body) ? { kind: 'misconfigured', code: 'domain_disabled' } : undefined;
      } catch (error) {
        if (error instanceof CallFailedError) return error.toFailed();
        throw error;
      }
    },
    lookUp: (queries, signal) => Promise.all(queries.map((query) => lookUpOne(query, signal))),
    log: mailgunLog(getEvents),
  };
}

/** The domain alone, without a look at its DNS records. */
const PROBE = { searchParams: [['h:with_dns', 'false']] };

const isDisabled = ({ domain }: { domain?: { is_disabled?: unknown } | null }) => domain?.is_disabled === true;

/** A success without an id is not from the messages API: a wrong address of the API answers 200 with a greeting. */
function resultOf(answer: { id?: unknown }): SendResult {
  if (typeof answer.id !== 'string' || answer.id === '') return { kind: 'misconfigured', code: 'no_message_id' };
  return { kind: 'accepted', providerMessageId: withoutBrackets(answer.id) };
}

function formOf(message: OutgoingMessage): MailgunMessageData {
  const { attachment } = message;
  const tags = tagsWithin(message.tags, LIMITS);
  // mailgun.js leaves out what is empty. The attachment comes last, so that form-data copies it only once.
  return {
    from: message.sender,
    to: message.receiver,
    subject: message.subject,
    text: message.text ?? '',
    html: message.html,
    'h:Message-Id': message.messageId,
    'h:Reply-To': message.replyTo ?? '',
    ...Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [`h:${name}`, value])),
    'v:email_id': message.emailId,
    'v:generation': String(message.generation),
    'v:attempt': String(message.attempt),
    'o:tag': tags.length > 0 ? tags : '',
    // Goes before the setting of the domain.
    'o:tracking-opens': message.trackOpens ? 'yes' : 'no',
    // Mailgun silently drops an attachment without a filename.
    attachment: attachment
      ? {
          data: attachment.bytes,
          filename: attachment.filename || 'attachment',
          contentType: attachmentType(attachment.contentType),
        }
      : undefined,
  };
}

/** What we read of an event; the values of `user-variables` are those of our `v:` fields. */
interface MailgunEvent {
  readonly event?: string;
  /** Seconds since 1970, with a fraction. */
  readonly timestamp?: unknown;
  readonly message?: { readonly headers?: { readonly 'message-id'?: string } };
  readonly 'user-variables'?: { readonly email_id?: unknown; readonly attempt?: unknown };
}

/**
 * All attempts of a generation share a Message-ID, so where an event names its attempt, that has to be ours. What Mailgun
 * refused has an event as well, which says the contrary of taken.
 */
function evidenceIn(events: readonly MailgunEvent[], query: LookUpQuery): LookUpResult {
  const ours = events.filter((event) => {
    const variables = event['user-variables'];
    if (event.event === 'rejected') return false;
    return (
      query.attempt === null || variables?.attempt === undefined || String(variables.attempt) === String(query.attempt)
    );
  });
  if (!ours[0]) return { kind: 'none' };
  return {
    kind: 'found',
    ...(query.attempt === null && whichOf(ours)),
    delivered: ours.some(({ event }) => event === 'delivered'),
    providerMessageId: withoutBrackets(ours[0].message?.headers?.['message-id'] ?? query.messageId),
  };
}

/** The first attempt that the events name, and when the first of them was. */
function whichOf(events: readonly MailgunEvent[]): { attempt?: number; at?: Date } {
  const attempts = events.map((event) => Number(event['user-variables']?.attempt)).filter((n) => Number.isInteger(n));
  const times = events.map(({ timestamp }) => timestamp).filter((time) => typeof time === 'number');
  return {
    ...(attempts.length > 0 && { attempt: Math.min(...attempts) }),
    ...(times.length > 0 && { at: new Date(Math.min(...times) * 1000) }),
  };
}

/** Carries a failed call through mailgun.js, whose own errors lose headers and turn a lost connection into a 400. */
class CallFailedError extends Error {
  override readonly name = 'CallFailedError';
  constructor(readonly outcome: HttpOutcome) {
    super(outcome.kind === 'answered' ? `http_${outcome.status}` : safeCode(outcome.code, 'connection_error'));
  }
  toFailed() {
    return this.outcome.kind === 'answered' ? mailgunFailure(this.outcome) : failureOfBreak(this.outcome);
  }
}

/**
 * A mailgun.js client that makes its calls through ours. mailgun.js shapes requests and addresses; its transport has
 * no abort signal, follows redirects with the message in hand, and cannot tell a refused connection from a refused
 * message. The request provider is the place it offers for another transport. A client is an object or two: one a call.
 */
function clientFor(settings: MailgunSettings, call: HttpCaller, signal: AbortSignal) {
  const client = new Mailgun(FormData).client({ username: 'api', key: settings.apiKey, url: settings.apiUrl });
  const authorization = `Basic ${Buffer.from(`api:${settings.apiKey}`).toString('base64')}`;
  client.request.requestProvider = {
    async makeRequest(url: string, method: string, { data, params }: { data?: unknown; params?: URLSearchParams }) {
      const form = data instanceof FormData ? data : undefined;
      const outcome = await call(
        {
          method: method === 'POST' ? 'POST' : 'GET',
          url: params ? `${url}?${params}` : url,
          headers: { authorization, ...form?.getHeaders() },
          body: form?.getBuffer(),
        },
        signal,
      );
      if (outcome.kind === 'broken' || outcome.status >= 300) throw new CallFailedError(outcome);
      return { status: outcome.status, body: objectIn(outcome.body) };
    },
    setSubAccountHeader() {},
    resetSubAccountHeader() {},
  };
  return client;
}

/** The JSON object in an answer; an empty one when there is none. */
function objectIn(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
