import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Ajv2020 as Ajv, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, afterEach, expect } from 'vitest';
import { describeRoutes } from '../../src/api/description/openapi.js';
import { ROUTES } from '../../src/api/routes.js';
import { patternOf } from '../../src/api/routing/mount.js';

/**
 * Holds every answer that an api of this process gives, to whomever and however it was asked, against the description:
 * path, method, status, media type, headers, body. What does not conform fails the test during which it was given.
 */

interface Operation {
  readonly responses: Record<string, Described>;
}
interface Described {
  readonly headers?: Record<string, { readonly required?: boolean }>;
  readonly content?: Record<string, { readonly schema: object }>;
}

const description = structuredClone(describeRoutes(ROUTES, 'test')) as unknown as {
  readonly paths: Record<string, Record<string, Operation>>;
};

/** Clients have to ignore fields that they do not know; we have to describe those that we give. */
function close(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) return;
  const object = schema as Record<string, unknown>;
  if (object.type === 'object' && object.properties) object.additionalProperties ??= false;
  for (const value of Object.values(object)) close(value);
}
close(description);

const ajv = new Ajv({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv) => void)(ajv);
ajv.addSchema(description, 'description');
const validators = new Map<string, ValidateFunction>();

/** The more a path says in so many words, the earlier it is tried: `/api/dead-letters/retry` before `…/{id}`. */
const templates = Object.keys(description.paths)
  .map((path) => ({ path, pattern: patternOf(path) }))
  .sort((a, b) => a.path.split('{').length - b.path.split('{').length);

/** These are given by what surrounds the routes: an address or a method that there is not. */
const AROUND = new Map([
  [404, 'not_found'],
  [405, 'method_not_allowed'],
]);

const deviations: string[] = [];
const codes = new Set<string>();

/** Notes which codes requests were refused with, so that `npm test` can say which ones no test produces. */
export function noteCodes(answer: string): void {
  for (const [, code] of answer.matchAll(/"type":"urn:tempost:problem:(\w+)"/g)) codes.add(code!);
}

afterAll(() => {
  const file = process.env.TEMPOST_CODES_SEEN;
  if (file) appendFileSync(file, [...codes, ''].join('\n'));
});

subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  const pieces: Buffer[] = [];
  const { end } = response;
  // Koa answers with one piece, and our answers are no streams.
  response.end = ((...args: unknown[]) => {
    if (typeof args[0] === 'string' || args[0] instanceof Uint8Array) pieces.push(Buffer.from(args[0]));
    return (end as (...rest: unknown[]) => ServerResponse).apply(response, args);
  }) as typeof end;
  response.once('finish', () => {
    // Only the api gives its requests ids.
    if (!response.hasHeader('X-Request-Id')) return;
    const body = Buffer.concat(pieces);
    if (response.statusCode >= 400) noteCodes(body.toString());
    const fault = deviation(request, response, body);
    if (fault) deviations.push(`${request.method} ${request.url}: ${response.statusCode}: ${fault}`);
  });
});

afterEach(() => {
  expect(deviations.splice(0), 'answers that are not as described').toEqual([]);
});

function deviation(request: IncomingMessage, response: ServerResponse, body: Buffer): string | undefined {
  const { pathname } = new URL(request.url ?? '/', 'http://api');
  const found = templates.filter(({ pattern }) => pattern.test(pathname));
  const method = request.method === 'HEAD' ? 'get' : request.method?.toLowerCase();
  const path = found.find((template) => description.paths[template.path]![method ?? ''])?.path;
  const status = response.statusCode;
  if (!path) return isAround(status, body) ? undefined : 'there is no such route';
  // A path that is declared in so many words, with a method that only a path with a parameter in its place has.
  if (status === 405 && JSON.parse(body.toString()).code === AROUND.get(405)) return undefined;
  const described = description.paths[path]![method!]!.responses[status];
  if (!described) return 'this status is not described';
  const missing = Object.entries(described.headers ?? {}).filter(
    ([name, { required }]) => required && !response.hasHeader(name),
  );
  if (missing.length > 0) return `without ${missing.map(([name]) => name).join(', ')}`;
  if (request.method === 'HEAD') return undefined;
  return bodyDeviation(described, response, body, `/paths/${pointerPart(path)}/${method}/responses/${status}`);
}

function bodyDeviation({ content }: Described, response: ServerResponse, body: Buffer, pointer: string) {
  if (!content) return body.length > 0 ? 'a body that is not described' : undefined;
  const mediaType = String(response.getHeader('Content-Type')).split(';')[0]!;
  if (!content[mediaType]) return `the media type ${mediaType} is not described`;
  if (!/json$/.test(mediaType)) return undefined;
  const at = `description#${pointer}/content/${pointerPart(mediaType)}/schema`;
  const validate = validators.get(at) ?? ajv.compile({ $ref: encodeURI(at) });
  validators.set(at, validate);
  return validate(JSON.parse(body.toString())) ? undefined : ajv.errorsText(validate.errors);
}

function isAround(status: number, body: Buffer): boolean {
  return body.length === 0 || JSON.parse(body.toString()).code === AROUND.get(status);
}

const pointerPart = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
