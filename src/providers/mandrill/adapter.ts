import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';
import { attachmentType } from '../calls/attachment-type.js';
import { failureOfBreak, safeCode, unsafeHeader } from '../calls/failure.js';
import { createHttpCaller, type HttpAnswer, type HttpOutcome } from '../calls/http-call.js';
import { tagsWithin } from '../calls/tags.js';
import type {
  AskableAdapter,
  Failed,
  LoggedAdapter,
  LookUpQuery,
  LookUpResult,
  OutgoingMessage,
  SendResult,
} from '../provider.js';
import { listedByMandrill } from './listed.js';
import { mandrillLog } from './log.js';
import {
  daysAround,
  MAX_SEARCH_RESULTS,
  type SearchAnswer,
  type SearchDocument,
  searchAnswer,
  wasTaken,
} from './search.js';
import { LIMITS, type MandrillSettings } from './settings.js';
import { mandrillFailure } from './taxonomy.js';

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

/** What `messages/info` tells beyond a search: the receiving server's answers. */
const infoAnswer = z.object({
  _id: z.string().min(1),
  state: z.string().optional().catch(undefined),
  smtp_events: z.array(z.object({ diag: z.string().nullish() })).nullish(),
});
const infoError = z.object({ name: z.string() });

/** Mailchimp Transactional, called directly: its API is one JSON document each way. */
export function createMandrill(settings: MandrillSettings): AskableAdapter & LoggedAdapter {
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

  async function ask(path: 'messages/search.json' | 'messages/info.json', document: object, signal: AbortSignal) {
    const outcome = await post(path, document, signal);
    if (outcome.kind === 'broken') throw new Error(failureOfBreak(outcome).code);
    return outcome;
  }

  /** Why an answer is not the one that was asked for, as a code. */
  const unasked = (outcome: HttpAnswer, body: unknown) =>
    new Error(outcome.status === 200 ? 'unreadable_answer' : mandrillFailure(outcome, body).code);

  /** Limited to about 20 calls a minute, so one call looks for all. */
  async function search(document: SearchDocument, signal: AbortSignal): Promise<SearchAnswer> {
    const outcome = await ask('messages/search.json', document, signal);
    const body = jsonIn(outcome.body);
    const parsed = searchAnswer.safeParse(body);
    if (outcome.status !== 200 || !parsed.success) throw unasked(outcome, body);
    return parsed.data;
  }

  async function info(id: string, signal: AbortSignal): Promise<LookUpResult> {
    const outcome = await ask('messages/info.json', { id }, signal);
    const body = jsonIn(outcome.body);
    if (infoError.safeParse(body).data?.name === 'Unknown_Message') return { kind: 'none' };
    const parsed = infoAnswer.safeParse(body);
    if (outcome.status !== 200 || !parsed.success) throw unasked(outcome, body);
    if (!wasTaken(parsed.data)) return { kind: 'none' };
    // Mandrill's state "sent" is no delivery; the receiving server's 250 is.
    const delivered = parsed.data.smtp_events?.some(({ diag }) => /^250\b/.test(diag ?? '')) ?? false;
    return { kind: 'found', providerMessageId: parsed.data._id, delivered };
  }

  return {
    async send(message, signal) {
      const unsafe = unsafeHeader(message);
      if (unsafe) return unsafe;
      const outcome = await post('messages/send.json', { message: documentOf(message), async: false }, signal);
      return outcome.kind === 'broken' ? failureOfBreak(outcome) : resultOf(outcome);
    },
    async probe(signal) {
      const outcome = await post('users/ping2.json', {}, signal);
      if (outcome.kind === 'broken') return failureOfBreak(outcome);
      return outcome.status === 200 ? undefined : mandrillFailure(outcome, jsonIn(outcome.body));
    },
    async lookUp(queries, signal) {
      const idUnknown = ({ providerMessageId }: LookUpQuery) => providerMessageId === null;
      const sought = queries.filter(idUnknown);
      const messages = sought.length > 0 ? await search(searchFor(sought), signal) : [];
      return Promise.all(
        queries.map((query) =>
          query.providerMessageId === null ? evidenceIn(messages, query) : info(query.providerMessageId, signal),
        ),
      );
    },
    log: mandrillLog(search),
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
    // Goes before the setting of the account.
    track_opens: message.trackOpens,
    // Those that begin with an underscore it keeps for itself.
    tags: tagsWithin(message.tags, LIMITS).filter((tag) => !tag.startsWith('_')),
    metadata: { email_id: message.emailId, generation: message.generation, attempt: message.attempt },
    ...(attachment && {
      attachments: [
        {
          type: attachmentType(attachment.contentType),
          name: attachment.filename,
          content: attachment.bytes.toString('base64'),
        },
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
    const listed = listedByMandrill(reject_reason);
    const code = safeCode(`rejected_${reject_reason ?? status}`, 'rejected');
    return { kind: 'rejected', code, ...(listed && { listed }) };
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
 * comes back is checked against the metadata.
 */
function searchFor(queries: readonly LookUpQuery[]): SearchDocument {
  const terms = queries.flatMap(({ emailId, receiver }) => [
    `u_email_id:"${emailId}"`,
    `email:"${addressOf(receiver).address.replaceAll('"', '')}"`,
  ]);
  const startedMs = queries.flatMap(({ startedAt, startedBy }) => [
    startedAt.getTime(),
    (startedBy ?? startedAt).getTime(),
  ]);
  return {
    query: [...new Set(terms)].join(' OR '),
    ...daysAround(Math.min(...startedMs), Math.max(...startedMs)),
    limit: MAX_SEARCH_RESULTS,
  };
}

function evidenceIn(messages: SearchAnswer, query: LookUpQuery): LookUpResult {
  const ours = messages
    .filter(wasTaken)
    .find(
      ({ metadata }) =>
        metadata?.email_id === query.emailId &&
        metadata.generation === String(query.generation) &&
        (query.attempt === null || metadata.attempt === String(query.attempt)),
    );
  if (!ours) return { kind: 'none' };
  return {
    ...{ kind: 'found', providerMessageId: ours._id, delivered: false },
    ...(query.attempt === null && whichOf(ours)),
  };
}

function whichOf({ metadata, ts }: SearchAnswer[number]): { attempt?: number; at?: Date } {
  const attempt = Number(metadata?.attempt);
  return {
    ...(Number.isInteger(attempt) && { attempt }),
    ...(ts !== undefined && { at: new Date(ts * 1000) }),
  };
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
