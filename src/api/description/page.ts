import { createHash } from 'node:crypto';
import { type Html, html, paragraphs } from './html.js';
import { fieldsOf, fieldView, type Schema, type Schemas } from './schema-view.js';
import { STYLE } from './style.js';

interface Description {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

interface Content {
  readonly schema: Schema;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly unknown[];
  readonly 'x-access': string;
  readonly parameters?: readonly (Schema & { name: string; in: string; required?: boolean; schema: Schema })[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, Content>> }>
  >;
}

interface Listed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** What the page may load: nothing but the style that is in it. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The description as a page to read: one document without scripts, fonts or images. */
export function renderPage(description: Description): string {
  const { info, components, tags, paths } = description;
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Listed => ({ method, path, operation })),
  );
  const chapters = tags.map(({ name }) => ({
    name,
    listed: all.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const style = html`<style>`.text + STYLE + html`</style>`.text;
  const page = html`<body>
<header><h1>${info.title} API <small>${info.version}</small></h1>
<a href="openapi.json">openapi.json</a></header>
<div class="columns">
<nav aria-label="Operations">${chapters.map(contents)}</nav>
<main><section class="about">${paragraphs(info.description)}</section>
${chapters.map(({ name, listed }) => chapter(name, listed, components.schemas))}</main>
</div></body></html>`;
  const head = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${info.title} API</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">`;
  return `${head.text}${style}</head>${page.text}`;
}

const contents = ({ name, listed }: { readonly name: string; readonly listed: readonly Listed[] }) => html`
<h2>${name}</h2><ul>${listed.map(
  ({ method, operation }) =>
    html`<li><a href="#${operation.operationId}"><b class="${method}">${method}</b><span>${operation.summary}</span></a></li>`,
)}</ul>`;

const chapter = (name: string, listed: readonly Listed[], schemas: Schemas) => html`<section>
<h2>${name}</h2>${listed.map((one) => operationView(one, schemas))}</section>`;

function operationView({ method, path, operation }: Listed, schemas: Schemas): Html {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const [answers, refusals] = [true, false].map((wanted) =>
    Object.entries(responses).filter(([status]) => Number(status) < 400 === wanted),
  ) as [Answers, Answers];
  return html`<article id="${operationId}">
<h3>${summary}</h3>
<p class="address"><b class="${method}">${method}</b> <code>${path}</code>
<span class="access">${operation['x-access']}</span></p>
${description && paragraphs(description)}
${
  parameters.length > 0 &&
  html`<h4>Parameters</h4><ul class="fields">${parameters.map((parameter) => {
    const { name, in: place, schema, required = false, description } = parameter;
    const described = { description, ...schema, ...(description && { description }) };
    return fieldView(place === 'header' ? `${name}:` : name, described, required, schemas);
  })}</ul>`
}
${Object.entries(requestBody?.content ?? {}).map(([mediaType, { schema }]) => body('Body', mediaType, schema, schemas))}
${example({ method, path, operation })}
${answers.map(
  ([status, { description, content = {} }]) => html`<h4>Answer <b class="ok">${status}</b></h4>
${paragraphs(description)}${Object.values(content).map(({ schema }) => fieldsIn(schema, schemas))}`,
)}
<details><summary>Refusals</summary><ul class="refusals">${refusals.map(
    ([status, { description }]) => html`<li><b class="refused">${status}</b> ${paragraphs(description)}</li>`,
  )}</ul></details>
</article>`;
}

type Answers = [string, Operation['responses'][string]][];

const body = (title: string, mediaType: string, schema: Schema, schemas: Schemas) => html`
<h4>${title} <code>${mediaType}</code></h4>${fieldsOf(schema, schemas)}`;

const fieldsIn = (schema: Schema, schemas: Schemas) => {
  const fields = fieldsOf(schema, schemas, false);
  return fields && html`<details><summary>Fields</summary>${fields}</details>`;
};

/** The first documented example as a command to paste. */
function example({ method, path, operation }: Listed): Html | undefined {
  const [mediaType, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const value = Object.values(content?.examples ?? {})[0]?.value;
  if (value === undefined) return undefined;
  const lines = [
    `curl -X ${method.toUpperCase()} "$TEMPOST${path}"`,
    '-H "Authorization: Bearer $KEY"',
    ...(mediaType === 'application/json'
      ? ['-H "Content-Type: application/json"', `-d ${quoted(JSON.stringify(value))}`]
      : Object.entries(value as object).map(([name, text]) => `--form-string ${quoted(`${name}=${text}`)}`)),
  ];
  return html`<pre tabindex="0">${lines.join(' \\\n  ')}</pre>`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
