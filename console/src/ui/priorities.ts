/** The most urgent first. */
export const PRIORITIES = ['critical', 'medium', 'low'] as const;
