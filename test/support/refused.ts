import { expect } from 'vitest';
import type { Db } from '../../src/postgres/database.js';
import { expectNothingStored } from './api.js';

/** The answer is a problem of this status and code, with these faults, and nothing was stored. */
export async function expectRefused(db: Db, response: Response, status: number, code: string, faults?: string[]) {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = JSON.parse(text);
  expect(Object.keys(problem)).toEqual(['type', 'title', 'status', 'code', 'detail', 'errors']);
  expect(problem).toMatchObject({ status, code, type: `urn:tempost:problem:${code}` });
  expect(text).not.toMatch(/\.[jt]s:\d+|node_modules/);
  if (faults) {
    const said = problem.errors.map((error: { field: string; code: string }) => `${error.field} ${error.code}`);
    expect(said.sort()).toEqual([...faults].sort());
  }
  await expectNothingStored(db);
}

/** What is wrong with a submission, as its answer tells it. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Codes by field. */
  readonly faults: Record<string, string>;
}

export async function refusal(response: Response): Promise<Refusal> {
  const { code, detail, errors } = (await response.json()) as {
    code: string;
    detail: string;
    errors: { field: string; code: string }[];
  };
  const faults = Object.fromEntries(errors.map((each) => [each.field, each.code]));
  return { status: response.status, code, detail, faults };
}
