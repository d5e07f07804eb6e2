import type { Operations } from './generated/operations.js';

type Form = NonNullable<Operations['sendEmail']['input']['form']>;

/** A file to attach: its bytes, or a text. */
export interface Attachment {
  readonly filename: string;
  readonly content: Blob | Uint8Array | string;
  /** Default: that of the Blob, else `application/octet-stream`. */
  readonly contentType?: string;
}

/** What a form has as text, as a program has it. */
interface Richer {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly send_at: Date | string;
  readonly track_opens: boolean;
  readonly attachment: Attachment;
}

/** An e-mail to send: the fields of `POST /api/send`. */
export type Submission = { readonly [Name in keyof Form]: Name extends keyof Richer ? Richer[Name] : Form[Name] };

/**
 * The submission as a form.
 *
 * @throws TypeError for a tag with a comma, which a form cannot carry.
 */
export function formOf(submission: Submission): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(submission)) {
    if (value === undefined || value === null) continue;
    if (value instanceof Blob) form.append(name, value);
    else if (name === 'attachment') appendFile(form, value as Attachment);
    else form.append(name, textOf(name, value));
  }
  return form;
}

function textOf(name: string, value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (name === 'tags' && Array.isArray(value)) {
    if (value.some((tag) => String(tag).includes(','))) throw new TypeError('A tag cannot hold a comma.');
    return value.join(',');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function appendFile(form: FormData, { filename, content, contentType }: Attachment): void {
  // A copy: a view of shared memory is nothing that a Blob takes.
  const part = content instanceof Uint8Array ? new Uint8Array(content) : content;
  const type = contentType ?? (content instanceof Blob && content.type ? content.type : 'application/octet-stream');
  form.append('attachment', new Blob([part], { type }), filename);
}
