import type { Email } from '../../../../client/generated/schemas.js';
import type { Tone } from '../../ui/pill.js';

/** Something on the time axis: an event, or a call to a provider, which lasts. */
export interface Entry {
  readonly key: string;
  readonly kind: 'event' | 'call';
  readonly name: string;
  readonly provider: string | null;
  readonly at: string;
  /** Milliseconds since 1970; `until` is null of a call that is under way. */
  readonly from: number;
  readonly until: number | null;
  readonly details: string;
}

const TONES: Readonly<Record<string, Tone>> = {
  delivered: 'good',
  opened: 'good',
  clicked: 'good',
  accepted: 'good',
  failed: 'bad',
  bounced: 'bad',
  complained: 'bad',
  dead: 'bad',
  rejected: 'bad',
  refused: 'warn',
  ambiguous: 'warn',
  abandoned: 'warn',
  unconfirmed: 'warn',
  retrying: 'warn',
  deferred: 'warn',
};

export const toneOf = ({ name, kind }: Entry): Tone =>
  TONES[kind === 'call' ? name.replace('call ', '') : name] ?? 'info';

/** Events and calls of all its lives, by time. */
export function entriesOf({ events, attempts }: Email): readonly Entry[] {
  const ms = (at: string) => new Date(at).getTime();
  const happened = events.map(
    (event, index): Entry => ({
      key: `event ${index}`,
      kind: 'event',
      name: event.type,
      provider: event.provider,
      at: event.occurred_at,
      from: ms(event.occurred_at),
      until: ms(event.occurred_at),
      details: detailsOf(event.metadata),
    }),
  );
  const called = attempts.map(
    (attempt): Entry => ({
      key: `call ${attempt.generation}.${attempt.attempt}`,
      kind: 'call',
      name: `call ${attempt.state}`,
      provider: attempt.provider,
      at: attempt.started_at,
      from: ms(attempt.started_at),
      until: attempt.finished_at ? ms(attempt.finished_at) : null,
      details: [
        attempt.code,
        attempt.finished_at && `took ${ms(attempt.finished_at) - ms(attempt.started_at)} ms`,
        attempt.generation > 1 && `life ${attempt.generation}`,
      ]
        .filter(Boolean)
        .join(', '),
    }),
  );
  return [...happened, ...called].sort((a, b) => a.from - b.from);
}

const LONGEST = 160;

/** What an event says besides, in a line; all of it is among the raw events. */
function detailsOf(metadata: Readonly<Record<string, unknown>>): string {
  const text = Object.entries(metadata)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
