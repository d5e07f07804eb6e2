import { expect, it } from 'vitest';
import { ROUTES } from '../routes.js';

it('every route that changes something, or shows contents, says what the audit is told of it, or why nothing', () => {
  const silent = ROUTES.filter(({ audit, method, access }) => {
    const shows = access !== 'public' && access.scope === 'content';
    return !audit && (method !== 'get' || shows);
  });
  expect(silent.map(({ operationId }) => operationId)).toEqual([]);
});
