import { readdirSync, readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, it } from 'vitest';
import { traceOf } from './history.js';

const FOLDER = new URL('../../test/histories/', import.meta.url);
const read = (name: string) => historyFromJSON(JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')));
// Those of operators' jobs tell nothing of what was sent.
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json') && !name.includes('-job-'));

describe.each(names)('the recorded history %s', (name) => {
  const history = read(name);
  const events = history.events ?? [];
  const traceAt = (length: number) => traceOf([{ events: events.slice(0, length) }]);
  const isCall = ({ activityTaskScheduledEventAttributes: scheduled }: (typeof events)[number]) =>
    scheduled?.activityType?.name === 'send';
  const firstCall = events.findIndex(isCall);

  it('tells at its end what became of the e-mail', () => {
    const { kind } = traceAt(events.length);
    expect(kind).toBe(name.includes('rejected') ? 'ended' : 'accepted');
  });

  it('never takes a call without an answer for none, wherever it is cut', () => {
    for (let length = 0; length <= events.length; length++) {
      const open = events.slice(0, length).filter(isCall).length;
      const answered = events
        .slice(0, length)
        .filter(({ activityTaskCompletedEventAttributes: completed }) =>
          events.some((event) => isCall(event) && String(event.eventId) === String(completed?.scheduledEventId)),
        ).length;
      const { kind } = traceAt(length);
      if (length <= firstCall) expect(kind).toBe('not_taken');
      if (open > answered && kind !== 'accepted') expect(kind).toBe('doubtful');
    }
  });

  it('says of what was sent by whom, in which generation, and when', () => {
    const trace = traceAt(events.length);
    if (trace.kind !== 'accepted') return;
    expect(trace.sent[0]).toMatchObject({ by: 'temporal', generation: 1, attempt: null });
    expect(['mailgun', 'mandrill']).toContain(trace.sent[0]!.provider);
    expect(trace.sent[0]!.at!.getFullYear()).toBeGreaterThan(2000);
  });
});

describe('the histories of several runs', () => {
  it('tell that it was taken if any of them does, and that it has ended only if the latest has', () => {
    const [delivered, rejected] = [read('0.1.0-delivered.json'), read('0.1.0-rejected.json')];
    expect(traceOf([rejected, delivered]).kind).toBe('accepted');
    const running = { events: (delivered.events ?? []).slice(0, 4) };
    expect(traceOf([running, rejected]).kind).toBe('not_taken');
    expect(traceOf([rejected, running]).kind).toBe('ended');
  });

  it('say nothing of a later generation than their own', () => {
    const delivered = read('0.1.0-delivered.json');
    expect(traceOf([delivered], 2)).toEqual({ kind: 'absent' });
    // Its plan is not read yet: nobody knows of which generation it is.
    const begun = { events: (delivered.events ?? []).slice(0, 3) };
    expect(traceOf([begun, delivered], 2)).toEqual({ kind: 'not_taken' });
  });
});
