const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** How far back one looks, and how long a period is. */
export const SPANS = {
  day: { name: '24 hours, by hour', ms: DAY_MS, by: 'hour' },
  week: { name: '7 days, by hour', ms: 7 * DAY_MS, by: 'hour' },
  month: { name: '30 days, by day', ms: 30 * DAY_MS, by: 'day' },
} as const;
export type Span = keyof typeof SPANS;

/** From when on, to the hour, so that it is the same question for a while. */
export const beginOf = (span: Span) =>
  new Date((Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS - SPANS[span].ms).toISOString();
