import { z } from 'zod';
import { listOf, moment } from '../routing/answers.js';

const anyJson = z.record(z.string(), z.unknown());

const attachment = z
  .object({
    filename: z.string(),
    content_type: z.string(),
    size: z.int().describe('In bytes.'),
    sha256: z.string().describe('Hexadecimal.'),
    storage_path: z.string().nullable().describe('Null until it is in the object store, and once it was removed.'),
  })
  .meta({ id: 'Attachment' });

const event = z
  .object({
    type: z.string(),
    occurred_at: moment,
    provider: z.string().nullable(),
    metadata: anyJson,
  })
  .meta({ id: 'EmailEvent' });

const attempt = z
  .object({
    generation: z.int().describe('Which of the e-mail’s lives.'),
    attempt: z.int(),
    provider: z.string(),
    state: z.string(),
    started_at: moment,
    finished_at: moment.nullable(),
    code: z.string().nullable(),
    provider_message_id: z.string().nullable(),
  })
  .meta({ id: 'Attempt' });

const waiting = z
  .object({
    code: z.string().meta({ examples: ['breaker_open'] }),
    reason: z.string().describe('For people.'),
    next_try_at: moment.nullable().describe('Null when nobody can tell: it goes on when the reason is over.'),
  })
  .meta({ id: 'Waiting' });

/** An e-mail as its events tell it. A status is a row of the database, so that the list of them can grow. */
export const emailAnswer = z
  .object({
    id: z.uuid(),
    status: z.string().meta({
      description: [
        '`scheduled`, `queued`, `sending`, `retrying`, `unconfirmed`, `sent`, `deferred`, `delivered`, `opened`,',
        '`clicked`, `failed`, `bounced`, `complained`, `suppressed`, `cancelled` or `dead`. New ones can be added.',
      ].join(' '),
      examples: ['delivered'],
    }),
    priority: z.string(),
    sender: z.string(),
    receiver: z.string(),
    subject: z.string(),
    created_at: moment,
    deadline_at: moment.describe('By when it has to be with a provider.'),
    dispatched_at: moment.nullable().describe('When its workflow was started.'),
    sent_at: moment.nullable().describe('When a provider took it.'),
    provider: z.string().nullable(),
    provider_message_id: z.string().nullable(),
    headers: z.record(z.string(), z.string()).describe('Those that its client had set.'),
    track_opens: z.boolean().describe('Whether opens are tracked.'),
    waiting: waiting
      .nullable()
      .describe(
        'Why it is not being sent at this moment; null when a provider has it, it is over, or just being sent.',
      ),
    retry_count: z.int().min(0).describe('Attempts beyond the first, over all its lives.'),
    metadata: anyJson,
    tags: listOf(z.string()),
    content_removed_at: moment
      .nullable()
      .describe('Since when its content and its attachment are gone by retention; null: they are kept.'),
    attachment: attachment.nullable(),
    events: listOf(event).describe('By the time they happened.'),
    attempts: listOf(attempt),
  })
  .meta({ id: 'Email' });
