import { type FieldFault, Problem } from '../../http/problem.js';

/** Every way in which a field can be wrong: the stable code, and what a person should know. */
const MESSAGES = {
  required: 'is required and must not be empty',
  invalid_value: 'is of another type than this field',
  too_long: 'is too long',
  control_character: 'must not contain line breaks or other control characters',
  invalid_utf8: 'is not valid UTF-8',
  invalid_address: 'must be one e-mail address, such as ada@example.com or "Sales" <sales@example.com>',
  repeated_content: 'is given by content already: give each body once',
  unknown_priority: 'must be critical, medium or low',
  unknown_content_type: 'must be text/plain or text/html',
  invalid_metadata: 'must be a JSON object of finite numbers, texts, lists and objects',
  invalid_tags: 'must be a comma-separated list of printable ASCII words',
  too_many_tags: 'must not name more than 10 tags',
  invalid_headers: 'must be a JSON object of texts',
  invalid_header_name: 'is no name of a header: letters, digits and hyphens, beginning with a letter',
  header_not_allowed: 'is a header that may not be set; the documentation lists those that may',
  invalid_header_value: 'is no value of this header',
  too_many_headers: 'must not set more than 20 headers',
  invalid_boolean: 'must be true or false',
  invalid_time: 'must be an RFC 3339 time with an offset, such as 2030-01-31T09:00:00Z',
  time_in_past: 'must not lie in the past',
  time_too_far: 'must be at most 30 days ahead',
  unknown_field: 'is not a field of this request',
  repeated_field: 'must be given once',
  too_many_attachments: 'at most one attachment',
  empty_attachment: 'the attachment has no content',
  missing_filename: 'the attachment has no filename',
  invalid_base64: 'must be base64 with padding (RFC 4648, 4)',
  invalid_attachment_type: 'must be a media type, such as application/pdf',
} as const;

export type FaultCode = keyof typeof MESSAGES;

/** All of them, for the documentation's test. */
export const FAULT_CODES = Object.keys(MESSAGES) as FaultCode[];

/** What a JSON document is told in other words than a form. */
const MESSAGES_OF_DOCUMENTS: Partial<Record<FaultCode, string>> = {
  invalid_tags: 'must be a list of texts of printable ASCII without commas',
  invalid_metadata: 'must be an object of finite numbers, texts, lists and objects',
};

/** @param field the name as the client gave it. */
export function fault(field: string, code: FaultCode, message: string = MESSAGES[code]): FieldFault {
  return { field: field.slice(0, 100), code, message };
}

/** The same for a field of a JSON document. */
export const documentFault = (field: string, code: FaultCode) => fault(field, code, MESSAGES_OF_DOCUMENTS[code]);

/** @returns the code that a schema gave as its message; of a fault that it words itself, `invalid_value`. */
export const codeIn = (message: string): FaultCode =>
  Object.hasOwn(MESSAGES, message) ? (message as FaultCode) : 'invalid_value';

/** The answer to a form that can be read but not accepted. */
export function invalidFields(faults: readonly FieldFault[]): Problem {
  return new Problem(422, 'invalid_fields', 'Some fields are not valid; each is listed.', { errors: faults });
}

/** Line breaks and everything else that does not print: C0, DEL, C1, and Unicode's own line separators. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** In a text of many lines, tabs and line breaks have their place. */
const CONTROL_IN_TEXT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

export const isOneLine = (text: string) => !CONTROL.test(text);
export const isText = (text: string) => !CONTROL_IN_TEXT.test(text);
