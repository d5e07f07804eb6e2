import type { StatusCatalogue, StatusRule } from './statuses.js';

/** What the projection needs to know of an event. `attempt` is null for events of the whole generation. */
export interface ProjectableEvent {
  readonly type: string;
  readonly generation: number;
  readonly attempt: number | null;
}

/**
 * The status of an e-mail, as a pure function of the set of its events: any order and any repetition give the same.
 *
 * 1. Within an attempt the event of the highest rank is its outcome.
 * 2. Outcomes of older generations count only if they survive ("delivered" does, "failed" does not).
 * 3. Among what is left, attempts and events of the newest generation alike, the highest preference wins.
 *
 * @param events all events of one e-mail; types without a status are ignored.
 * @returns the status, or undefined when no event has one.
 */
export function projectStatus(events: Iterable<ProjectableEvent>, catalogue: StatusCatalogue): string | undefined {
  const outcomes = new Map<string, { rule: StatusRule; generation: number }>();
  let newest = 0;
  for (const event of events) {
    const rule = catalogue.get(event.type);
    if (!rule) continue;
    newest = Math.max(newest, event.generation);
    // An event of the whole generation stands alone. Events of one attempt compete with each other first.
    const group = event.attempt === null ? `${event.generation}/${event.type}` : `${event.generation}#${event.attempt}`;
    const known = outcomes.get(group);
    if (!known || above(rule, known.rule, 'rank')) outcomes.set(group, { rule, generation: event.generation });
  }
  let best: StatusRule | undefined;
  for (const { rule, generation } of outcomes.values()) {
    if (generation < newest && !rule.survives) continue;
    if (!best || above(rule, best, 'preference')) best = rule;
  }
  return best?.name;
}

/** Rows added to `statuses` may have equal numbers; the name decides then, so that the order of events still does not. */
function above(one: StatusRule, other: StatusRule, by: 'rank' | 'preference'): boolean {
  return one[by] === other[by] ? one.name > other.name : one[by] > other[by];
}
