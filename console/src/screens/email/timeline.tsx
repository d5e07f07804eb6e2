import type { Email } from '../../../../client/generated/schemas.js';
import { Card } from '../../ui/card.js';
import { type Entry, entriesOf, toneOf } from './entries.js';
import { OPEN } from './legal.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICKS = [
  [100, '0.1 s'],
  [SECOND, '1 s'],
  [10 * SECOND, '10 s'],
  [MINUTE, '1 min'],
  [10 * MINUTE, '10 min'],
  [HOUR, '1 h'],
  [DAY, '1 d'],
  [10 * DAY, '10 d'],
] as const;
/** Below this all is one place: the axis is logarithmic, since a call takes milliseconds and an open comes after days. */
const FLOOR = 20;
const LANE = 30;
const TOP = 30;

/** Events and calls on one axis, from its acceptance on, with its deadline. The same in words is in the table below. */
export function Timeline({ email }: { readonly email: Email }) {
  const entries = entriesOf(email);
  const begin = new Date(email.created_at).getTime();
  const now = Date.now();
  const deadline = new Date(email.deadline_at).getTime();
  const ends = entries.map(({ from, until }) => until ?? Math.max(from, now));
  const last = Math.max(begin + SECOND, deadline, ...ends, OPEN.has(email.status) ? now : 0);
  const width = Math.log((last - begin) / FLOOR + 1) * 1.04;
  const place = (at: number) => (Math.log(Math.max(0, at - begin) / FLOOR + 1) / width) * 100;
  const lanes = [...new Set(entries.filter(({ kind }) => kind === 'call').map(({ provider }) => provider ?? ''))];
  const height = TOP + (lanes.length + 1) * LANE + 8;
  const isLate = email.sent_at
    ? new Date(email.sent_at).getTime() > deadline
    : OPEN.has(email.status) && now > deadline;
  return (
    <Card title="Timeline" aside={<span className="small soft">logarithmic, from its acceptance on</span>}>
      <div className="timeline">
        <div className="timeline-names" aria-hidden="true">
          {['Events', ...lanes].map((name) => (
            <span key={name}>{name}</span>
          ))}
        </div>
        <svg className="timeline-axis" height={height} role="img" aria-label={describe(email, entries)}>
          {TICKS.filter(([ms]) => ms < (last - begin) * 1.02).map(([ms, name]) => (
            <g key={name}>
              <line
                className="tick"
                x1={`${place(begin + ms)}%`}
                x2={`${place(begin + ms)}%`}
                y1={TOP - 8}
                y2={height}
              />
              <text className="tick-name" x={`${place(begin + ms)}%`} y={12} textAnchor="middle">
                {name}
              </text>
            </g>
          ))}
          <g className={isLate ? 'deadline is-late' : 'deadline'}>
            <line x1={`${place(deadline)}%`} x2={`${place(deadline)}%`} y1={TOP - 8} y2={height} />
            <text x={`${place(deadline)}%`} dx="-5" y={height - 4} textAnchor="end">
              deadline
            </text>
          </g>
          {entries.map((entry) => (
            <Mark
              key={entry.key}
              entry={entry}
              lane={lanes.indexOf(entry.provider ?? '') + 1}
              place={place}
              now={now}
            />
          ))}
        </svg>
      </div>
    </Card>
  );
}

interface MarkProps {
  readonly entry: Entry;
  readonly lane: number;
  readonly place: (at: number) => number;
  readonly now: number;
}

function Mark({ entry, lane, place, now }: MarkProps) {
  const x = place(entry.from);
  const tone = `mark is-${toneOf(entry)}`;
  const words = [entry.name, entry.provider, entry.details].filter(Boolean).join(' · ');
  if (entry.kind === 'event') {
    return (
      <circle className={tone} cx={`${x}%`} cy={TOP + LANE / 2} r={6}>
        <title>{words}</title>
      </circle>
    );
  }
  const end = Math.max(place(entry.until ?? now), x + 0.8);
  return (
    <rect className={tone} x={`${x}%`} width={`${end - x}%`} y={TOP + lane * LANE + 8} height={14} rx={4}>
      <title>{words}</title>
    </rect>
  );
}

function describe({ status, receiver }: Email, entries: readonly Entry[]): string {
  return `Time axis of ${entries.length} events and calls; to ${receiver}, ${status}. The table has all of them.`;
}
