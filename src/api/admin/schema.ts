import { z } from 'zod';
import { PROVIDER_NAMES } from '../../config.js';
import { Problem } from '../../http/problem.js';
import { PRIORITIES } from '../../priority.js';
import { providerName } from '../fields.js';
import { isOneLine } from '../send/faults.js';

/** Operators read it in lists, and Temporal keeps it beside the queue. */
const REASON_CHARACTERS = 200;

const reason = z
  .string()
  .trim()
  .min(1, 'must say why')
  .max(REASON_CHARACTERS)
  .refine(isOneLine, 'must be one line')
  .describe('Why, in one line.');

/** A call in 100 s. Whoever wants less switches the provider off: a slip of the finger must not reserve years. */
const LOWEST_RATE_PER_S = 0.01;

/** `{priority|all}` of a path. */
export const queueInPath = {
  schema: z.enum([...PRIORITIES, 'all']).transform((value) => (value === 'all' ? PRIORITIES : [value])),
  refuse: () => new Problem(404, 'queue_not_found', 'The queues are critical, medium, low, and all.'),
};

export const providerInPath = {
  schema: providerName,
  refuse: () => new Problem(404, 'provider_not_found', `The providers are ${PROVIDER_NAMES.join(', ')}.`),
};

export const pauseBody = z.strictObject({ reason });

export const resumeBody = z.strictObject({});

export const providerBody = z
  .strictObject({
    enabled: z.boolean().optional(),
    forced: z
      .enum(['open', 'closed'])
      .nullable()
      .optional()
      .describe('The breaker’s state by your word; null leaves it to the breaker.'),
    rate_per_s: z
      .number()
      .min(LOWEST_RATE_PER_S)
      .max(10_000)
      .nullable()
      .optional()
      .describe('Calls a second, over all processes; null: no limit.'),
    per_day: z
      .int()
      .positive()
      .max(1_000_000_000)
      .nullable()
      .optional()
      .describe('Calls a day, counted from midnight UTC; null: no limit.'),
    reason,
  })
  .refine((body) => Object.keys(body).length > 1, {
    path: ['reason'],
    error: 'is all there is: name enabled, forced, rate_per_s or per_day as well',
  });
