import { createHmac, timingSafeEqual } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type RawField, textOfField } from '../../webhook-format/form.js';

/** What Mandrill signs its test batch with while a webhook is being set up. */
const TEST_KEY = 'test-webhook';
/** The empty batch, and some room for spaces. */
const MAX_TEST_BYTES = 16;
/** About a millisecond; then others have their turn. */
const BYTES_A_TURN = 1024 * 1024;

export const MANDRILL_FIELD = 'mandrill_events';

/** Whether a header could hold a signature at all: base64 of the 20 bytes of an SHA-1. */
export const isMandrillSignature = (signature: string) => /^[A-Za-z0-9+/]{27}=$/.test(signature);

/**
 * Checks that a batch was signed by Mandrill: base64 of HMAC-SHA1 over the configured address and every field's name
 * and value, sorted by name. Source: Mailchimp's documentation, "Authenticating webhook requests".
 *
 * @param fields as they came: nothing is made of a batch before it is known whose it is.
 * @param settings the address as registered at Mandrill, from our configuration: never taken from the request, which
 *   passes through proxies.
 * @returns whether it is; an empty batch may also carry the well-known test key.
 */
export async function isFromMandrill(
  signature: string,
  fields: readonly RawField[],
  settings: { readonly webhookKey: string; readonly webhookUrl: string },
): Promise<boolean> {
  const given = Buffer.from(signature, 'base64');
  const signedWith = async (key: string) => {
    const expected = await signatureFor(key, settings.webhookUrl, fields);
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
  if (await signedWith(settings.webhookKey)) return true;
  return isEmptyBatch(fields) && (await signedWith(TEST_KEY));
}

function isEmptyBatch(fields: readonly RawField[]): boolean {
  const field = fields.find(({ name }) => name === MANDRILL_FIELD);
  if (!field) return false;
  const sizeBytes = field.value.reduce((sum, piece) => sum + piece.length, 0);
  return sizeBytes <= MAX_TEST_BYTES && textOfField(field).trim() === '[]';
}

async function signatureFor(key: string, webhookUrl: string, fields: readonly RawField[]): Promise<Buffer> {
  const sorted = [...fields].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const hmac = createHmac('sha1', key).update(webhookUrl);
  let thisTurnBytes = 0;
  for (const { name, value } of sorted) {
    hmac.update(name);
    for (const piece of value) {
      hmac.update(piece);
      thisTurnBytes += piece.length;
      if (thisTurnBytes < BYTES_A_TURN) continue;
      thisTurnBytes = 0;
      await setImmediate();
    }
  }
  return hmac.digest();
}
