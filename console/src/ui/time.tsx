import { useEffect, useState } from 'react';

/** In the viewer's zone, in one way of writing whatever the browser's language, as all else here is English. */
const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
const sameDay = new Intl.DateTimeFormat('en-GB', CLOCK);
const sameYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', ...CLOCK });
const absolute = new Intl.DateTimeFormat('en-GB', { year: 'numeric', day: 'numeric', month: 'short', ...CLOCK });
const minutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** `14:05`, and `28 Nov`, of a moment in milliseconds since 1970. */
export const clockOf = (atMs: number): string => minutes.format(atMs);
export const dayOf = (atMs: number): string => days.format(atMs);

function written(date: Date): string {
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return sameDay.format(date);
  return (date.getFullYear() === now.getFullYear() ? sameYear : absolute).format(date);
}

/** The same moment in UTC, for whoever points at it. */
const inUtc = (at: string) => `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC`;

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** So many seconds in few words: `12 s`, `4 min`, `3 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const index = UNITS.findIndex(([, length]) => whole >= length);
  const [name, length] = UNITS[index]!;
  const next = UNITS[index + 1];
  const first = Math.floor(whole / length);
  const rest = next ? Math.floor((whole - first * length) / next[1]) : 0;
  return rest > 0 && first < 10 ? `${first} ${name} ${rest} ${next![0]}` : `${first} ${name}`;
}

/** Milliseconds as people read them. */
export function milliseconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

/** A moment in the viewer's zone; in UTC for whoever points at it. */
export function Time({ at }: { readonly at: string }) {
  return (
    <time className="nowrap" dateTime={at} title={inUtc(at)}>
      {written(new Date(at))}
    </time>
  );
}

/** How long ago a moment is, kept up to date. */
export function Since({ at }: { readonly at: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time className="nowrap" dateTime={at} title={inUtc(at)}>
      {duration((now - new Date(at).getTime()) / 1_000)}
    </time>
  );
}
