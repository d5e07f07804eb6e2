import { isUrlencoded } from '../../webhook-format/body-sink.js';
import { textOfField, UrlencodedForm } from '../../webhook-format/form.js';
import {
  NotUnderstoodError,
  type WebhookBatch,
  type WebhookFormat,
  WebhookRefusedError,
} from '../../webhook-format/format.js';
import type { MandrillSettings } from '../settings.js';
import { EVENT_TYPES, parseMandrill } from './events.js';
import { isFromMandrill, isMandrillSignature, MANDRILL_FIELD } from './signature.js';

/** At most 1,000 events of about 3 KB each as JSON, twice that as a form. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FIELDS = 16;

/** Mandrill's webhooks: a form with one field that holds a batch of events. */
export const mandrillWebhook: WebhookFormat<MandrillSettings> = {
  eventTypes: EVENT_TYPES,
  open(headers, settings) {
    if (!isUrlencoded(headers['content-type'] ?? '')) throw new NotUnderstoodError('the body is not a form');
    const signature = headers['x-mandrill-signature'];
    // The limit is high, so a body is only read for somebody who claims to be Mandrill.
    if (typeof signature !== 'string' || !isMandrillSignature(signature)) {
      throw new WebhookRefusedError('bad_signature');
    }
    const form = new UrlencodedForm(MAX_FIELDS);
    return { maxBytes: MAX_BYTES, sink: form, verify: () => verify(form, signature, settings) };
  },
};

async function verify(form: UrlencodedForm, signature: string, settings: MandrillSettings): Promise<WebhookBatch> {
  const fields = form.fields();
  if (!(await isFromMandrill(signature, fields, settings))) throw new WebhookRefusedError('bad_signature');
  const batch = fields.find(({ name }) => name === MANDRILL_FIELD);
  if (!batch) throw new NotUnderstoodError(`the field "${MANDRILL_FIELD}" is missing`);
  return { events: parseMandrill(textOfField(batch)) };
}
