import type { MessageLimits } from '../definition.js';

/** The tags of a message that a provider takes: the first ones that are not too long. */
export const tagsWithin = (tags: readonly string[], limits: MessageLimits): string[] =>
  tags.filter((tag) => tag.length <= limits.tagLength).slice(0, limits.tags);
