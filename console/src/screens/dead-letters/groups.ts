import type { AnswerOf } from '../../api/call.js';
import { DEATHS } from '../now/left-card.js';

/** Dead letters that have something in common. */
export type Group = AnswerOf<'groupDeadLetters'>['groups'][number];

export const keyOf = ({ reason, code, provider }: Group): string => [reason, code, provider].join(' ');

export const nameOf = ({ reason, code, provider }: Group): string =>
  [DEATHS[reason] ?? reason, code, provider].filter(Boolean).join(' · ');

/** What else a group has in common: no code, and no provider, are something, too. */
export const lastAttemptOf = ({ code, provider }: Group) => ({
  code: code ?? undefined,
  without_code: code === null || undefined,
  provider: provider ?? undefined,
  without_provider: provider === null || undefined,
});

const YEAR_MS = 365 * 86_400_000;

/** The filter of a job about a group. */
export const filterOf = (group: Group) => ({
  dead_reason: group.reason,
  ...lastAttemptOf(group),
  from: new Date(Date.now() - YEAR_MS).toISOString(),
});
