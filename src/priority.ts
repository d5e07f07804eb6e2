/** How urgent an e-mail is; each priority has queues, a fleet and a service level of its own. Most urgent first. */
export const PRIORITIES = ['critical', 'medium', 'low'] as const;

export type Priority = (typeof PRIORITIES)[number];

/** One value of any kind for each priority. */
export type PerPriority<T> = Readonly<Record<Priority, T>>;

/** Builds a value for each priority. */
export function perPriority<T>(make: (priority: Priority) => T): PerPriority<T> {
  return { critical: make('critical'), medium: make('medium'), low: make('low') };
}

/** Whether a text names a priority. */
export const isPriority = (text: string | undefined): text is Priority => PRIORITIES.includes(text as Priority);
