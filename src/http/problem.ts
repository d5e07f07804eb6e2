import { isDatabaseTrouble } from './database-trouble.js';

/** One fault of a request. */
export interface FieldFault {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

interface ProblemExtras {
  readonly errors?: readonly FieldFault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is not a success. `code` is stable and part of the contract; `detail` is for people. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly errors: readonly FieldFault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    extras: ProblemExtras = {},
  ) {
    super(code);
    this.errors = extras.errors ?? [];
    this.headers = extras.headers ?? {};
  }
}

/** The body of an `application/problem+json` answer (RFC 9457). Every error answer of the service is shaped here. */
export function problemBody(problem: Problem): string {
  const words = problem.code.replaceAll('_', ' ');
  return JSON.stringify({
    type: `urn:tempost:problem:${problem.code}`,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status: problem.status,
    code: problem.code,
    detail: problem.detail,
    errors: problem.errors,
  });
}

export const PROBLEM_TYPE = 'application/problem+json';

/** SQLSTATEs of values that passed our own checks: a character without an encoding, moments. */
const NOT_STORABLE: ReadonlySet<string> = new Set(['22021', '22007', '22008']);

/** What a thrown error is to the client: trouble with the database passes, anything else is our fault. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isDatabaseTrouble(error)) {
    return new Problem(503, 'database_unavailable', 'The database cannot be reached now. Please try again.', {
      headers: { 'Retry-After': '5' },
    });
  }
  if (NOT_STORABLE.has((error as { code?: string }).code ?? '')) {
    return new Problem(
      422,
      'invalid_fields',
      'A value holds what the database cannot: U+0000, or a moment that is none.',
    );
  }
  return new Problem(500, 'internal_error', 'Something went wrong on our side.');
}

/** For answers that the router gives by status alone. */
export function problemOfStatus(status: number): Problem {
  if (status === 404) return new Problem(404, 'not_found', 'There is nothing at this address.');
  if (status === 405) return new Problem(405, 'method_not_allowed', 'This address does not know this method.');
  if (status === 501) return new Problem(501, 'method_not_implemented', 'This method is not known here.');
  return new Problem(status, `http_${status}`, 'The request could not be answered.');
}
