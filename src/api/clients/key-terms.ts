import { z } from 'zod';
import { isAddressBlock } from '../../address-blocks.js';
import { DEFAULT_SCOPES, ROLES, SCOPES } from '../../domain/clients/access.js';
import type { KeyTerms } from '../../domain/clients/key-management.js';
import { givenRates } from './rates.js';

/** More than anybody has; each is looked at with every request. */
const MOST_BLOCKS = 50;
const LONGEST_LIFE_MS = 10 * 365 * 24 * 60 * 60 * 1_000;

const expiresAt = z.iso
  .datetime({ offset: true, message: 'must be a moment as RFC 3339 has it' })
  .refine((text) => Date.parse(text) > Date.now(), 'must be ahead')
  .refine((text) => Date.parse(text) < Date.now() + LONGEST_LIFE_MS, 'must be within ten years')
  .transform((text) => new Date(text));

/** What a new key is to be, as it is asked for. */
export const givenTerms = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line')
      .optional()
      .describe('Whose it is, or what for.'),
    role: z.enum(ROLES).optional().describe('Makes it an operator’s key, which has to have a name.'),
    operator: z.boolean().default(false).describe('The same as the role `admin`, from before there were roles.'),
    scopes: z
      .array(z.enum(SCOPES))
      .min(1)
      .max(SCOPES.length)
      .optional()
      .describe(`What a client’s key may. Default: ${DEFAULT_SCOPES.map((scope) => `\`${scope}\``).join(', ')}.`),
    allowed_addresses: z
      .array(z.string().max(64).refine(isAddressBlock, 'must be an IP address or a block such as 10.0.0.0/8'))
      .max(MOST_BLOCKS)
      .default([])
      .describe('Where it is taken from; default: from everywhere.'),
    expires_at: expiresAt.optional().describe('Until when it is taken; default: until it is revoked.'),
    rate_limits: givenRates.default({}).describe('Of this key alone, beside its client’s.'),
  })
  .superRefine((terms, context) => {
    const isOperators = terms.role !== undefined || terms.operator;
    const fault = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message, input: terms[field as keyof typeof terms] });
    if (isOperators && terms.scopes) fault('scopes', 'are of clients’ keys: an operator’s has a role');
    if (terms.operator && terms.role && terms.role !== 'admin') fault('operator', 'means the role admin');
    if (terms.role && !terms.name) fault('name', 'is needed for an operator’s key: whose it is');
  });

export function termsOf(given: z.output<typeof givenTerms>): KeyTerms {
  const role = given.role ?? (given.operator ? 'admin' : null);
  return {
    name: given.name ?? null,
    role,
    scopes: role ? [] : [...new Set(given.scopes ?? DEFAULT_SCOPES)],
    allowedAddresses: given.allowed_addresses,
    rates: { send: given.rate_limits.send ?? null, read: given.rate_limits.read ?? null },
    expiresAt: given.expires_at ?? null,
  };
}
