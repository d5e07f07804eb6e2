import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { type FollowedEmail, ProgressView, timeline } from './demo-view.js';

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

const email = (overrides: Partial<FollowedEmail> = {}): FollowedEmail => ({
  label: 'critical',
  id: 'e1',
  status: 'opened',
  provider: 'mailgun',
  events: [
    { type: 'queued', occurred_at: at(0) },
    { type: 'sent', occurred_at: at(120) },
    { type: 'delivered', occurred_at: at(900) },
    { type: 'opened', occurred_at: at(1500) },
    { type: 'opened', occurred_at: at(9000) },
  ],
  ...overrides,
});

/** Keeps what is written, as a terminal or as a file would see it. */
function output(isTTY: boolean) {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { out: Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream, text: () => chunks.join('') };
}

it('ends in a table of first times, in milliseconds from queued', () => {
  const waiting = email({ label: 'low', id: 'e2', status: 'queued', provider: null, events: [] });
  expect(timeline([email(), waiting]).split('\n')).toEqual([
    '  e-mail    queued    sent  delivered   opened  provider  id',
    '  ────────  ──────  ──────  ─────────  ───────  ────────  ──',
    '  critical    0 ms  120 ms     900 ms  1500 ms  mailgun   e1',
    '  low            –       –          –        –  –         e2',
  ]);
});

it('writes a line for every step where there is no terminal, and none twice', () => {
  const { out, text } = output(false);
  const view = new ProgressView(out);
  const before = email({ status: 'retrying', events: email().events.slice(0, 1) });
  for (const state of [before, before, email()]) view.update([state]);
  expect(text().split('\n')).toEqual([
    '  critical                queued (retrying)',
    '  critical                queued → sent → delivered → opened',
    '',
  ]);
});

it('writes over its own lines on a terminal', () => {
  const { out, text } = output(true);
  const view = new ProgressView(out);
  view.update([email({ events: [] }), email({ id: 'e2' })]);
  view.update([email(), email({ id: 'e2' })]);
  expect(text().split('\u001b[2A')).toHaveLength(2);
});
