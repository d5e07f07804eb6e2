import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponseObject } from 'zod-openapi';
import { PROBLEM_TYPE } from '../../http/problem.js';
import { PROBLEMS, type ProblemCode } from '../routing/problem-codes.js';
import type { Parameters, Route } from '../routing/route.js';

/** What every refusal looks like. */
const problem = z
  .object({
    type: z.string().describe('`urn:tempost:problem:` and the code.'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable: programs go by it.'),
    detail: z.string().describe('For people.'),
    errors: z
      .array(z.object({ field: z.string(), code: z.string(), message: z.string() }).meta({ id: 'FieldFault' }))
      .describe('Every fault that was found, where the fields of a request are not valid.'),
  })
  .meta({ id: 'Problem', description: 'A refusal, as RFC 9457 has it.' });

/** With these statuses an answer says when to ask again, always. */
const RETRY_AFTER: ReadonlySet<number> = new Set([429, 503]);

/** The codes that a route can give: its own, and those that follow from what it takes. */
export function problemsOf({ access, params, headers, query, body, problems = [] }: Route): ProblemCode[] {
  const codes = new Set<ProblemCode>(problems);
  const add = (...more: ProblemCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (access !== 'public') {
    add('missing_api_key', 'invalid_api_key', 'client_disabled', 'address_not_allowed', 'database_unavailable');
    add('invalid_session', 'cross_site_request');
    add('rate_limited', access.scope ? 'insufficient_scope' : 'operator_only');
    if (access.role !== 'viewer') add('insufficient_role');
  }
  const refusesFields = (parameters: Parameters = {}) => Object.values(parameters).some(({ refuse }) => !refuse);
  if (query || body || (access !== 'public' && (refusesFields(params) || refusesFields(headers))))
    add('invalid_fields');
  if (body) add('malformed_request', 'incomplete_body', 'upload_too_slow', 'too_large', 'unsupported_media_type');
  add('internal_error');
  return [...codes].sort((a, b) => PROBLEMS[a].status - PROBLEMS[b].status);
}

/** The description of the routes, OpenAPI 3.1: made of the values that serve and validate them. */
export function describeRoutes(routes: readonly Route[], version: string) {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return createDocument(
    {
      openapi: '3.1.0',
      info: { title: 'Tempost', version, description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key.' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'tempost_session',
            description: 'A browser that is signed in; its own pages alone.',
          },
        },
      },
      paths,
    },
    { override: ({ jsonSchema }) => simplify(jsonSchema) },
  );
}

const ABOUT = [
  'Durable transactional e-mail. JSON is snake_case, times are RFC 3339 in UTC with milliseconds.',
  'A key sees and acts on what belongs to its client; an operator’s key on everything.',
  'Lists answer `next_cursor`: hand it back as `cursor` to get the next page; `null` means that there is none.',
  'New fields can be added to answers at any time: ignore those that you do not know.',
].join('\n');

/** Who may use a route, for people, in few words. */
const whoMay = (access: Route['access']) =>
  access === 'public' ? 'anyone' : access.scope ? `scope ${access.scope}` : `operators: ${access.role}`;

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { operationId, summary, description, tag, access, params, headers, query } = route;
  return {
    operationId,
    summary,
    description: [description, neededFor(access)].filter(Boolean).join('\n\n'),
    tags: [tag],
    security: access === 'public' ? [] : [{ key: [] }, { session: [] }],
    'x-access': whoMay(access),
    requestParams: {
      ...(params && { path: parametersOf(params) }),
      ...(headers && { header: parametersOf(headers) }),
      ...(query && { query: query as z.ZodObject }),
    },
    requestBody: requestBodyOf(route),
    responses: { ...answerOf(route), ...refusalsOf(route) },
  };
}

/** What a key needs, in a sentence. */
function neededFor(access: Route['access']): string | undefined {
  if (access === 'public') return undefined;
  const role = `an operator’s key with the role \`${access.role}\``;
  return access.scope ? `Needs a key with the scope \`${access.scope}\`, or ${role}.` : `Needs ${role}.`;
}

const parametersOf = (parameters: Parameters) =>
  z.object(Object.fromEntries(Object.entries(parameters).map(([name, { schema }]) => [name, schema])));

function requestBodyOf({ body }: Route): ZodOpenApiOperationObject['requestBody'] {
  if (!body) return undefined;
  const content = body.kind === 'json' ? { 'application/json': body } : body.content;
  const examplesOf = (examples: Readonly<Record<string, unknown>> = {}) =>
    Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
  return {
    // No body counts as an empty object: whether that is enough, the schema says.
    required: body.kind === 'streamed' || !body.schema.safeParse({}).success,
    content: Object.fromEntries(
      Object.entries(content).map(([mediaType, { schema, examples }]) => [
        mediaType,
        { schema, examples: examplesOf(examples) },
      ]),
    ),
  };
}

function answerOf({ answer }: Route): Record<string, ZodOpenApiResponseObject> {
  if (!answer) return {};
  const { status, description, schema, mediaType = 'application/json', hasEtag } = answer;
  const headers = { ...answer.headers, ...(hasEtag && { ETag: 'Of what is answered.' }) };
  const described = Object.entries(headers).map(([name, says]) => [name, z.string().optional().describe(says)]);
  return {
    [status]: {
      description,
      ...(described.length > 0 && { headers: z.object(Object.fromEntries(described)) }),
      ...(schema && { content: { [mediaType]: { schema } } }),
    },
    ...(hasEtag && { 304: { description: 'It is as the `ETag` in `If-None-Match` has it.' } }),
  };
}

function refusalsOf(route: Route): Record<string, ZodOpenApiResponseObject> {
  const codes = problemsOf(route);
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))];
  return Object.fromEntries(
    statuses.map((status) => {
      const those = codes.filter((code) => PROBLEMS[code].status === status);
      return [
        status,
        {
          description: those.map((code) => `\`${code}\`: ${PROBLEMS[code].when}`).join('\n\n'),
          ...headersOf(status),
          content: { [PROBLEM_TYPE]: { schema: problem.extend({ code: z.enum(those) }) } },
        },
      ];
    }),
  );
}

function headersOf(status: number): Pick<ZodOpenApiResponseObject, 'headers'> {
  if (status === 401) return { headers: z.object({ 'WWW-Authenticate': z.string() }) };
  if (RETRY_AFTER.has(status)) return { headers: z.object({ 'Retry-After': z.string().describe('In seconds.') }) };
  if (status === 409) return { headers: z.object({ 'Retry-After': z.string().optional().describe('In seconds.') }) };
  return {};
}

/** Leaves out what zod says of itself: of every whole number that it is a safe one, of a format its pattern. */
function simplify(schema: Record<string, unknown>): void {
  if (schema.format) delete schema.pattern;
  if (schema.type === 'integer') {
    if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
    if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  }
  delete schema.readOnly;
  delete schema.propertyNames;
}
