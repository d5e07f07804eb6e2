import { useEffect, useState } from 'react';

const absolute = new Intl.DateTimeFormat(undefined, {
  ...({ year: 'numeric', month: 'short', day: 'numeric' } as const),
  ...({ hour: '2-digit', minute: '2-digit', second: '2-digit' } as const),
});
const sameDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

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
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return (
    <time className="nowrap" dateTime={at} title={`${at.replace('T', ' ').replace('Z', '')} UTC`}>
      {(isToday ? sameDay : absolute).format(date)}
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
    <time className="nowrap" dateTime={at} title={`${at.replace('T', ' ').replace('Z', '')} UTC`}>
      {duration((now - new Date(at).getTime()) / 1_000)}
    </time>
  );
}
