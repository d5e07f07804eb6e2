import { expect } from 'vitest';
import type { TestApi } from './api.js';

/** What tests of dead letters ask the api, as an operator unless another key is given. */
export function deadLettersBy(api: () => TestApi, operatorKey: () => string) {
  return {
    async list(query: string, key = operatorKey()): Promise<ListedDeadLetters> {
      const response = await api().get(`/api/dead-letters${query}`, key);
      expect(response.status).toBe(200);
      return (await response.json()) as ListedDeadLetters;
    },
    retry: (id: string, body: object = {}, key = operatorKey()) =>
      api().post(`/api/dead-letters/${id}/retry`, body, key),
    letterOf: (id: string) =>
      api().db.selectFrom('dead_emails').selectAll().where('email_id', '=', id).executeTakeFirstOrThrow(),
  };
}

interface ListedDeadLetters {
  readonly dead_letters: readonly { id: string; reason: string; code: string; receiver: string }[];
  readonly next_cursor: string | null;
}

export const idsOf = ({ dead_letters }: ListedDeadLetters) => dead_letters.map(({ id }) => id);
