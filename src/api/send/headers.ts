import { type FaultCode, isOneLine } from './faults.js';

/** Mailgun takes 16 KB of headers, tags and variables together; ours and the tags need less than half of that. */
const HEADERS = 20;
const HEADERS_BYTES = 8 * 1024;
const VALUE_BYTES = 2000;
/** A line can be folded where a space is, and may have 998 octets (RFC 5322, 2.1.1). */
const WORD_BYTES = 900;

type Form = 'text' | 'ascii' | 'message_ids' | 'token';

/** The headers beside `X-…` that a client may set, in lower case, and what their value has to be. */
const ALLOWED: ReadonlyMap<string, Form> = new Map([
  ['archived-at', 'ascii'],
  ['auto-submitted', 'token'],
  ['comments', 'text'],
  ['feedback-id', 'ascii'],
  ['importance', 'token'],
  ['in-reply-to', 'message_ids'],
  ['keywords', 'text'],
  ['list-archive', 'ascii'],
  ['list-help', 'ascii'],
  ['list-id', 'text'],
  ['list-owner', 'ascii'],
  ['list-post', 'ascii'],
  ['list-subscribe', 'ascii'],
  ['list-unsubscribe', 'ascii'],
  ['list-unsubscribe-post', 'ascii'],
  ['organization', 'text'],
  ['precedence', 'token'],
  ['priority', 'token'],
  ['references', 'message_ids'],
  ['sensitivity', 'ascii'],
  ['thread-index', 'ascii'],
  ['thread-topic', 'text'],
]);

/** What providers, mail servers and filters read as orders or as findings of their own. */
const RESERVED =
  /^x-(mailgun|mailchimp|mandrill|mc|ses|amz|aws|sg|smtpapi|sendgrid|msys|sparkpost|pm|postmark|mj|mailjet|sib|tempost|spam|virus|antivirus|received|envelope|original-to|original-from|delivered-to|originating|authenticated|authentication|google|gm|forwarded|ms-exchange|forefront|microsoft-antispam)(-|$)/;

/** A field name of RFC 5322 (3.6.8) that is also a token everywhere else: letters, digits, hyphens. */
const NAME = /^[a-z][a-z0-9-]{0,75}$/i;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
const VALUES: Record<Form, RegExp> = {
  text: /./,
  ascii: PRINTABLE_ASCII,
  token: /^[a-z0-9-]+$/i,
  message_ids: /^<[\x21-\x3b\x3d\x3f-\x7e]+>( *<[\x21-\x3b\x3d\x3f-\x7e]+>)*$/,
};

interface HeaderFault {
  /** The header's name as it was given. */
  readonly name: string;
  readonly code: FaultCode;
}

/** Whether a name may be set by a client at all; which of them an e-mail of priority `low` has from us is not asked. */
export function isAllowedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return ALLOWED.has(lower) || (lower.startsWith('x-') && lower.length > 2 && !RESERVED.test(lower));
}

/** What we set ourselves in bulk mail. */
export const isUnsubscribeHeader = (name: string): boolean => /^list-unsubscribe(-post)?$/i.test(name);

/**
 * Checks the headers that a client wants its e-mail to have.
 *
 * @returns every fault; one without a name concerns all of them together.
 */
export function headerFaults(headers: Readonly<Record<string, string>>): HeaderFault[] {
  const entries = Object.entries(headers);
  const faults: HeaderFault[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const [name, value] of entries) {
    const code = seen.has(name.toLowerCase()) ? 'repeated_field' : faultOf(name, value);
    if (code) faults.push({ name, code });
    seen.add(name.toLowerCase());
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  if (entries.length > HEADERS) faults.push({ name: '', code: 'too_many_headers' });
  if (bytes > HEADERS_BYTES) faults.push({ name: '', code: 'too_long' });
  return faults;
}

function faultOf(name: string, value: string): FaultCode | undefined {
  if (!NAME.test(name)) return 'invalid_header_name';
  if (!isAllowedHeader(name)) return 'header_not_allowed';
  if (!value.isWellFormed()) return 'invalid_utf8';
  if (!isOneLine(value)) return 'control_character';
  if (Buffer.byteLength(value) > VALUE_BYTES || longestWord(value) > WORD_BYTES) return 'too_long';
  const form = ALLOWED.get(name.toLowerCase()) ?? 'text';
  return value.trim() === value && VALUES[form].test(value) ? undefined : 'invalid_header_value';
}

const longestWord = (value: string) => Math.max(...value.split(' ').map((word) => Buffer.byteLength(word)));
