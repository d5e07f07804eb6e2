import { describeRoutes } from '../src/api/description/openapi.js';
import { ROUTES } from '../src/api/routes.js';

/** What is read of a JSON Schema. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly format?: string;
  readonly description?: string;
}
type Content = Readonly<Record<string, { readonly schema: Schema }>>;
interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly description?: string;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const HEAD = [
  '// Made from the API’s description by `npm run client:types`; a test compares both.',
  '// Answers can get new fields at any time.',
  '',
];
const KINDS = { path: 'params', query: 'query', header: 'headers' } as const;
const FORM = 'multipart/form-data';

/** The client's types, by file below `client/generated/`, made of what the api serves. */
export function clientTypes(): Readonly<Record<string, string>> {
  const description = describeRoutes(ROUTES, 'generated') as unknown as Description;
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      // What is never answered with a success is nothing to call.
      .filter(([, { responses }]) => successesOf(responses).length > 0)
      .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const schemas = Object.entries(description.components.schemas).map(([name, schema]) => schemaType(name, schema));
  return {
    'schemas.ts': [...HEAD, ...schemas].join('\n'),
    'operations.ts': [
      ...HEAD,
      "import type * as S from './schemas.js';",
      '',
      '/** By operation: what it takes, what it answers, and the codes with which it refuses. */',
      'export interface Operations {',
      ...operations.map(({ operation }) => operationType(operation)),
      '}',
      '',
      '/** `scope`: what a client’s key needs, null: none will do; `role`: the least of an operator’s. Both null: for everybody. */',
      'export const OPERATIONS = {',
      ...operations.map(({ path, method, operation }) => operationValue(path, method, operation)),
      '} as const;',
      '',
    ].join('\n'),
  };
}

const schemaType = (name: string, schema: Schema) =>
  `${comment(schema.description, '')}export type ${name} = ${typeOf(schema, '', '')};\n`;

function operationType({ operationId, summary, parameters = [], requestBody, responses }: Operation): string {
  const inputs = Object.entries(KINDS).flatMap(([place, kind]) => {
    const those = parameters.filter((parameter) => parameter.in === place);
    if (those.length === 0) return [];
    return [`      ${kind}${those.some(({ required }) => required) ? '' : '?'}: ${typeOf(asObject(those), '      ')};`];
  });
  const bodies = Object.entries(requestBody?.content ?? {}).map(([mediaType, { schema }], _, all) => {
    const isRequired = requestBody?.required && all.length === 1;
    return `      ${mediaType === FORM ? 'form' : 'body'}${isRequired ? '' : '?'}: ${typeOf(schema, '      ')};`;
  });
  const codes = problemCodesOf(responses).map((code) => `'${code}'`);
  return [
    `${comment(`${summary}.`, '  ')}  ${operationId}: {`,
    `    input: {${inputs.length + bodies.length > 0 ? `\n${[...inputs, ...bodies].join('\n')}\n    ` : ''}};`,
    `    answer: ${answerType(responses)};`,
    `    problem: ${codes.join(' | ')};`,
    '  };',
  ].join('\n');
}

function operationValue(path: string, method: string, { operationId, parameters = [], responses }: Operation): string {
  const answers = successesOf(responses).flatMap(({ content = {} }) => Object.keys(content));
  const answer = answers.length === 0 ? 'none' : answers.every(isJson) ? 'json' : 'bytes';
  const isKeyed = parameters.some(({ name }) => name === 'Idempotency-Key');
  const { access } = ROUTES.find((route) => route.operationId === operationId)!;
  const scope = access !== 'public' && access.scope ? `'${access.scope}'` : 'null';
  const role = access === 'public' ? 'null' : `'${access.role}'`;
  const may = `scope: ${scope}, role: ${role}`;
  return `  ${operationId}: { method: '${method}', path: '${path}', answer: '${answer}', keyed: ${isKeyed}, ${may} },`;
}

const successesOf = (responses: Operation['responses']) =>
  Object.entries(responses).flatMap(([status, response]) => (status.startsWith('2') ? [response] : []));

function answerType(responses: Operation['responses']): string {
  const types = successesOf(responses).flatMap(({ content }) => {
    const all = Object.entries(content ?? {});
    return all.length === 0
      ? ['undefined']
      : all.map(([media, { schema }]) => (isJson(media) ? typeOf(schema, '    ') : 'Blob'));
  });
  return [...new Set(types)].join(' | ');
}

function problemCodesOf(responses: Operation['responses']): string[] {
  const schemas = Object.values(responses).flatMap(
    ({ content }) => content?.['application/problem+json']?.schema ?? [],
  );
  return [...new Set(schemas.flatMap(({ properties }) => (properties?.code?.enum ?? []) as string[]))].sort();
}

const isJson = (mediaType: string) => /[/+]json$/.test(mediaType);

const asObject = (parameters: readonly Parameter[]): Schema => ({
  type: 'object',
  properties: Object.fromEntries(parameters.map(({ name, schema, description }) => [name, { ...schema, description }])),
  required: parameters.filter(({ required }) => required).map(({ name }) => name),
});

/** A schema as a type. @param indent of the line it stands on. @param from where the named schemas are. */
function typeOf(schema: Schema, indent: string, from = 'S.'): string {
  const { $ref, anyOf, oneOf, allOf, type } = schema;
  if ($ref) return `${from}${$ref.slice($ref.lastIndexOf('/') + 1)}`;
  if ('const' in schema) return literal(schema.const);
  if (schema.enum) return schema.enum.map(literal).join(' | ');
  const either = anyOf ?? oneOf;
  if (either) return [...new Set(either.map((each) => typeOf(each, indent, from)))].join(' | ');
  if (allOf) return allOf.map((each) => typeOf(each, indent, from)).join(' & ');
  if (typeof type === 'object') return type.map((each) => typeOf({ ...schema, type: each }, indent, from)).join(' | ');
  if (type === 'array') return `readonly (${schema.items ? typeOf(schema.items, indent, from) : 'unknown'})[]`;
  if (type === 'object') return objectType(schema, indent, from);
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string') return schema.format === 'binary' ? 'Blob' : 'string';
  return type === 'boolean' || type === 'null' ? type : 'unknown';
}

function objectType({ properties, required = [], additionalProperties }: Schema, indent: string, from: string): string {
  const inner = `${indent}  `;
  const fields = Object.entries(properties ?? {}).map(([name, schema]) => {
    const key = /^[a-z_$][\w$]*$/i.test(name) ? name : `'${name}'`;
    const optional = required.includes(name) ? '' : '?';
    return `${comment(schema.description, inner)}${inner}readonly ${key}${optional}: ${typeOf(schema, inner, from)};`;
  });
  if (fields.length > 0) return `{\n${fields.join('\n')}\n${indent}}`;
  const values = typeof additionalProperties === 'object' ? typeOf(additionalProperties, indent, from) : 'unknown';
  return `Readonly<Record<string, ${values}>>`;
}

const literal = (value: unknown) => (typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value));

const comment = (text: string | undefined, indent: string) =>
  text ? `${indent}/** ${text.replaceAll('*/', '*\\/').replaceAll(/\s*\n\s*/g, ' ')} */\n` : '';
