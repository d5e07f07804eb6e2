import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { z } from 'zod';
import { arrivalOf } from '../http/arrival.js';
import { type BodyPace, guardBody } from '../http/body-guard.js';
import { type FieldFault, Problem } from '../http/problem.js';
import type { ApiState } from './authenticate.js';

/** Far more than any request of ours needs. */
const LIMIT_BYTES = 64 * 1024;
const PACE: BodyPace = { totalMs: 30_000, windowMs: 5_000, windowBytes: 1024, maxBytes: LIMIT_BYTES };

/**
 * Reads a request's JSON body and validates it; no body at all counts as `{}`.
 *
 * @throws Problem 400 malformed, 413 too large, 415 not JSON, 422 with every fault; 401, 403 when the key has lost its
 *   right while the body came.
 */
export async function readJson<T>(ctx: Context & { state: ApiState }, schema: z.ZodType<T>): Promise<T> {
  const text = await readText(ctx.req);
  // Nobody whose right could have gone: a request that is for everybody.
  await ctx.state.confirm?.();
  if (text !== '' && !ctx.is('application/json')) {
    throw new Problem(415, 'unsupported_media_type', 'The body has to be application/json.');
  }
  return validate(schema, parse(text || '{}'));
}

/** Validates what a request says outside of its body. @throws Problem 422 with every fault. */
export function validate<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap(faultsOf);
  throw new Problem(422, 'invalid_fields', 'Some fields are not valid; each is listed.', { errors });
}

function faultsOf(issue: z.core.$ZodIssue): FieldFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: key, code: 'unknown_field', message: 'is not a field of this request' }));
  }
  const field = issue.path.join('.').slice(0, 100);
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  return [{ field, code: missing ? 'required' : 'invalid_value', message: issue.message }];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, 'malformed_request', 'The body is not JSON.');
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  if (Number(request.headers['content-length']) > LIMIT_BYTES) throw tooLarge();
  const guard = guardBody(request, PACE, { slowCode: 'upload_too_slow', tooLarge });
  const arrival = arrivalOf(request, (piece) => {
    guard.received(piece.length);
    pieces.push(piece);
  });
  try {
    await Promise.race([arrival.arrived, guard.expired]);
  } finally {
    arrival.stop();
    guard.end();
  }
  return Buffer.concat(pieces).toString('utf8');
}

const tooLarge = () => new Problem(413, 'too_large', `The body is larger than ${LIMIT_BYTES} bytes.`);
