import { type Html, html, paragraphs } from './html.js';

/** As much of JSON Schema as our description has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export type Schemas = Readonly<Record<string, Schema>>;

/**
 * The fields of an object, nested ones below the field that holds them.
 *
 * @param marksRequired not for answers: all of their fields are always there.
 */
export function fieldsOf(schema: Schema, schemas: Schemas, marksRequired = true): Html | undefined {
  const { properties, required = [] } = objectIn(schema, schemas) ?? {};
  if (!properties) return undefined;
  const fields = Object.entries(properties).map(([name, field]) =>
    fieldView(name, field, marksRequired && required.includes(name), schemas, marksRequired),
  );
  return html`<ul class="fields">${fields}</ul>`;
}

/** One field or parameter. */
export function fieldView(
  name: string,
  field: Schema,
  required: boolean,
  schemas: Schemas,
  marksRequired = true,
): Html {
  const { description } = { description: resolve(field, schemas).description, ...field };
  return html`<li><code class="name">${name}</code> <span class="type">${typeOf(field, schemas)}</span>
    ${required && html`<span class="required">required</span>`}
    ${description && paragraphs(description)}${fieldsOf(field, schemas, marksRequired)}</li>`;
}

function resolve(schema: Schema, schemas: Schemas): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return (name && schemas[name]) || schema;
}

/** The object that a schema is, holds a list of, or may be beside null. */
function objectIn(given: Schema, schemas: Schemas): Schema | undefined {
  const schema = resolve(given, schemas);
  if (schema.properties) return schema;
  if (schema.items) return objectIn(schema.items, schemas);
  const choices = schema.anyOf ?? schema.allOf ?? [];
  return choices.map((choice) => objectIn(choice, schemas)).find((object) => object !== undefined);
}

/** `integer, 1 to 200, default 50`: what a value has to be, in words. */
function typeOf(given: Schema, schemas: Schemas): string {
  const schema = resolve(given, schemas);
  const choices = schema.anyOf ?? schema.allOf;
  if (choices) return choices.map((choice) => typeOf(choice, schemas)).join(' or ');
  if (schema.items) return `list of ${typeOf(schema.items, schemas)}`;
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  const said = values ? values.map((value) => JSON.stringify(value)).join(' | ') : wordOf(schema);
  const fallback = schema.default === undefined ? '' : `, default ${JSON.stringify(schema.default)}`;
  return `${said}${rangeOf(schema)}${fallback}`;
}

const wordOf = ({ type, format }: Schema) =>
  (format === 'binary' && 'file') ||
  (type === 'string' && format) ||
  (typeof type === 'string' ? type : type?.join(' or ')) ||
  'any';

function rangeOf({ minimum, maximum, minLength, maxLength }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (minimum !== undefined && minimum > 0) return `, from ${minimum}`;
  if (maxLength !== undefined) return `, ${minLength ?? 0} to ${maxLength} characters`;
  return '';
}
