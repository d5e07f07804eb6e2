import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';
import type { Config } from '../config.js';
import { createHttpCaller, type HttpAnswer, type HttpOutcome } from './http-call.js';
import type { Failed, LookUpQuery, LookUpResult, OutgoingMessage, Provider, SendResult } from './provider.js';
import { failureOfBreak, mandrillFailure, safeCode, unsafeHeader } from './taxonomy.js';

/** Mandrill refuses longer tags, and keeps those that begin with an underscore for itself. */
const MAX_TAG_LENGTH = 50;
const MAX_SEARCH_RESULTS = 100;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The domain is not verified or not signed there: another provider may know it, and other domains are not concerned. */
const SENDER_DOMAIN_REASONS: ReadonlySet<string> = new Set(['unsigned', 'invalid-sender']);

/** One entry for each receiver, and we have one (https://mailchimp.com/developer/transactional/api/messages). */
const sendAnswer = z
  .array(
    z.object({
      _id: z.string().min(1),
      status: z.enum(['sent', 'queued', 'scheduled', 'rejected', 'invalid']),
      reject_reason: z.string().nullish(),
      queued_reason: z.string().nullish(),
    }),
  )
  .length(1);

const scalar = z.union([z.string(), z.number()]).transform(String).optional();

const searchAnswer = z.array(
  z.object({
    _id: z.string().min(1),
    metadata: z.object({ email_id: scalar, generation: scalar, attempt: scalar }).nullish().catch(null),
  }),
);

/** Mailchimp Transactional, called directly: its API is one JSON document each way. */
export function createMandrill(settings: Config['mandrill']): Provider {
  const call = createHttpCaller();

  const post = (path: string, document: object, signal: AbortSignal): Promise<HttpOutcome> =>
    call(
      {
        method: 'POST',
        url: `${settings.apiUrl.replace(/\/+$/, '')}/api/1.0/${path}`,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        // Mandrill takes its key in the document.
        body: Buffer.from(JSON.stringify({ key: settings.apiKey, ...document })),
      },
      signal,
    );

  return {
    name: 'mandrill',
    async send(message, signal) {
      const unsafe = unsafeHeader(message);
      if (unsafe) return unsafe;
      const outcome = await post('messages/send.json', { message: documentOf(message), async: false }, signal);
      return outcome.kind === 'broken' ? failureOfBreak(outcome) : resultOf(outcome);
    },
    async lookUp(query, signal) {
      const outcome = await post('messages/search.json', searchFor(query), signal);
      if (outcome.kind === 'broken') throw new Error(`mandrill search: ${failureOfBreak(outcome).code}`);
      const parsed = searchAnswer.safeParse(jsonIn(outcome.body));
      if (outcome.status !== 200 || !parsed.success) throw new Error(`mandrill search: http_${outcome.status}`);
      return evidenceIn(parsed.data, query);
    },
  };
}

function documentOf(message: OutgoingMessage) {
  const sender = addressOf(message.sender);
  const receiver = addressOf(message.receiver);
  const { attachment } = message;
  return {
    from_email: sender.address,
    ...(sender.name && { from_name: sender.name }),
    to: [{ email: receiver.address, ...(receiver.name && { name: receiver.name }), type: 'to' }],
    subject: message.subject,
    html: message.html,
    ...(message.text !== null && { text: message.text }),
    headers: {
      'Message-ID': message.messageId,
      ...(message.replyTo && { 'Reply-To': message.replyTo }),
      ...message.headers,
    },
    important: message.priority === 'critical',
    track_opens: true,
    tags: message.tags.filter((tag) => tag.length <= MAX_TAG_LENGTH && !tag.startsWith('_')),
    metadata: { email_id: message.emailId, generation: message.generation, attempt: message.attempt },
    ...(attachment && {
      attachments: [
        { type: attachment.contentType, name: attachment.filename, content: attachment.bytes.toString('base64') },
      ],
    }),
  };
}

/** The parts of an address such as `Name <name@example.com>`. */
function addressOf(value: string): { name: string; address: string } {
  const [first] = addressparser(value, { flatten: true });
  return first?.address ? first : { name: '', address: value };
}

function resultOf(answer: HttpAnswer): SendResult {
  const body = jsonIn(answer.body);
  if (answer.status !== 200) return mandrillFailure(answer, body);
  const parsed = sendAnswer.safeParse(body);
  if (!parsed.success) return unreadable(body);
  const [{ _id, status, reject_reason, queued_reason }] = parsed.data as [z.infer<typeof sendAnswer>[number]];
  if (reject_reason && SENDER_DOMAIN_REASONS.has(reject_reason)) {
    return { kind: 'misconfigured', code: safeCode(`rejected_${reject_reason}`, 'rejected'), scope: 'sender_domain' };
  }
  if (status === 'rejected' || status === 'invalid') {
    return { kind: 'rejected', code: safeCode(`rejected_${reject_reason ?? status}`, 'rejected') };
  }
  if (!queued_reason) return { kind: 'accepted', providerMessageId: _id };
  return { kind: 'accepted', providerMessageId: _id, note: safeCode(queued_reason, 'queued') };
}

/** A list is Mandrill's, so the message may well be taken; anything else comes from another server. */
function unreadable(body: unknown): Failed {
  return Array.isArray(body)
    ? { kind: 'ambiguous', code: 'unreadable_answer' }
    : { kind: 'misconfigured', code: 'no_message_id' };
}

/**
 * Metadata can be searched only where the account has registered the field, so the receiver is searched as well; what
 * comes back is checked against the metadata. Days are the finest grain, and Mandrill's may be another one than ours.
 */
function searchFor(query: LookUpQuery) {
  const day = (offsetMs: number) => new Date(query.startedAt.getTime() + offsetMs).toISOString().slice(0, 10);
  return {
    query: `u_email_id:"${query.emailId}" OR email:"${addressOf(query.receiver).address.replaceAll('"', '')}"`,
    date_from: day(-DAY_MS),
    date_to: day(DAY_MS),
    limit: MAX_SEARCH_RESULTS,
  };
}

function evidenceIn(messages: z.infer<typeof searchAnswer>, query: LookUpQuery): LookUpResult {
  const ours = messages.find(
    ({ metadata }) =>
      metadata?.email_id === query.emailId &&
      metadata.generation === String(query.generation) &&
      metadata.attempt === String(query.attempt),
  );
  // Mandrill's "sent" is no delivery, and a search says no more.
  return ours ? { kind: 'found', providerMessageId: ours._id, delivered: false } : { kind: 'none' };
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
