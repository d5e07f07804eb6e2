import type { RouterContext } from '@koa/router';
import type { z } from 'zod';
import type { Access } from '../../domain/clients/access.js';
import type { Problem } from '../../http/problem.js';
import type { Audit } from '../audit/declaration.js';
import type { ApiState } from '../authenticate.js';
import type { ApiDependencies } from '../dependencies.js';
import type { ProblemCode } from './problem-codes.js';

/**
 * A route is a value: what it is called, who may use it, what it takes, what it answers, and the function that does it.
 * `mountRoutes` serves it and `describeRoutes` describes it, both from the same value, so that there is no route without
 * a description and no description without a route.
 */

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The chapters of the description. */
export type Tag =
  | 'Submission'
  | 'E-mails'
  | 'Dead letters'
  | 'Suppressions'
  | 'Clients and keys'
  | 'Administration'
  | 'Console'
  | 'Service';

/** A parameter of the path, or a header: a text. */
export interface Parameter<S extends z.ZodType = z.ZodType> {
  readonly schema: S;
  /** How a text is refused that the schema does not take; without it as one of the `invalid_fields`. */
  readonly refuse?: () => Problem;
}

export type Parameters = Readonly<Record<string, Parameter>>;

/** A small JSON document, read whole and validated before the handler runs; no body at all counts as `{}`. */
export interface JsonBody<S extends z.ZodType = z.ZodType> {
  readonly kind: 'json';
  readonly schema: S;
  /** By name, as the description shows them; the tests send them. */
  readonly examples?: Readonly<Record<string, z.input<S>>>;
}

/** A body that the handler reads itself, as it comes, because it does not fit into memory. */
interface StreamedBody {
  readonly kind: 'streamed';
  /** The media types that it may have, each with the schema by which it is validated. */
  readonly content: Readonly<Record<string, StreamedContent>>;
}

/** One media type of such a body. */
interface StreamedContent {
  readonly schema: z.ZodType;
  readonly examples?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The answer of a request that is not refused. */
export interface Answer<S extends z.ZodType = z.ZodType> {
  readonly status: 200 | 201 | 202 | 204 | 303;
  readonly description: string;
  /** Left out: nothing is in it. */
  readonly schema?: S;
  /** Default: `application/json`. */
  readonly mediaType?: string;
  /** Those that are not on every answer, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The handler sets an `ETag`: whoever sends it back in `If-None-Match` is answered 304 while it is the same. */
  readonly hasEtag?: true;
}

type Values<P extends Parameters> = { readonly [name in keyof P]: z.output<P[name]['schema']> };

/** What a handler is given: everything validated. */
export interface Input<P extends Parameters, H extends Parameters, Q extends z.ZodType, B> {
  readonly params: Values<P>;
  readonly headers: Values<H>;
  readonly query: z.output<Q>;
  readonly body: B extends JsonBody<infer S> ? z.output<S> : undefined;
}

export type ApiContext = RouterContext<ApiState>;

interface RouteDefinition<
  P extends Parameters,
  H extends Parameters,
  Q extends z.ZodType,
  B extends JsonBody | StreamedBody | undefined,
  A extends z.ZodType,
> {
  readonly method: Method;
  /** As OpenAPI writes it: `/api/email/{id}`. */
  readonly path: `/${string}`;
  /** The name of the request in the description, and of the method in clients made from it. */
  readonly operationId: string;
  /** One line. */
  readonly summary: string;
  /** What else a reader of the reference has to know; Markdown. */
  readonly description?: string;
  readonly tag: Tag;
  /**
   * Who may use it: anybody, or a client's key with the scope and an operator's key with the role. `authorise` enforces
   * it, and nothing else does.
   */
  readonly access: 'public' | Access;
  /**
   * Its handler asks, in the transaction in which it takes effect, whether the key is valid still: what was found of it
   * within the last half second will do before that.
   */
  readonly confirmsKey?: true;
  readonly params?: P;
  readonly headers?: H;
  /** Left out: whatever the query says is ignored. */
  readonly query?: Q;
  readonly body?: B;
  /** Left out: the request is always refused. */
  readonly answer?: Answer<A>;
  /** The codes that its handler gives; those that follow from the rest of the definition are added by themselves. */
  readonly problems?: readonly ProblemCode[];
  /** What it does, for whoever asks who did it; or why that is not written down. For every route but those that read. */
  readonly audit?: Audit<Input<P, H, Q, B>, z.output<A>>;
  /**
   * Does what is asked. @returns the answer's body. @throws Problem to refuse.
   */
  handle(input: Input<P, H, Q, B>, ctx: ApiContext, api: ApiDependencies): Promise<z.output<A>> | z.output<A>;
}

/** A declared route, whatever it takes. */
export type Route = RouteDefinition<Parameters, Parameters, z.ZodType, JsonBody | StreamedBody | undefined, z.ZodType>;

/** Declares a route: checks the handler against what the definition says, and forgets the types. */
export function route<
  const P extends Parameters = Record<never, never>,
  const H extends Parameters = Record<never, never>,
  Q extends z.ZodType = z.ZodUndefined,
  B extends JsonBody | StreamedBody | undefined = undefined,
  A extends z.ZodType = z.ZodVoid,
>(definition: RouteDefinition<P, H, Q, B, A>): Route {
  return definition as unknown as Route;
}

/** Declares a JSON body. */
export const jsonBody = <S extends z.ZodType>(schema: S, examples?: JsonBody<S>['examples']): JsonBody<S> => ({
  kind: 'json',
  schema,
  examples,
});
