import type { AnswerOf } from '../../api/call.js';
import { DEATHS } from '../now/left-card.js';

/** Dead letters that have something in common. */
export type Group = AnswerOf<'groupDeadLetters'>['groups'][number];

export const keyOf = ({ reason, code, provider }: Group): string => [reason, code, provider].join(' ');

export const nameOf = ({ reason, code, provider }: Group): string =>
  [DEATHS[reason] ?? reason, code, provider].filter(Boolean).join(' · ');
