import { Writable } from 'node:stream';
import type { LogEntry } from '@temporalio/worker';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { quietly } from './log.js';

function recorded(now: () => number = Date.now) {
  const lines: Record<string, unknown>[] = [];
  const write = (chunk: Buffer, _: string, done: () => void) => {
    lines.push(JSON.parse(chunk.toString()));
    done();
  };
  return { lines, write: quietly(pino({ base: null }, new Writable({ write })), now) };
}

const entry = (message: string, meta: Record<string, unknown> = {}): LogEntry => ({
  ...{ level: 'WARN', message, timestampNanos: 0n },
  meta: { sdkComponent: 'core', ...meta },
});

// As the core writes them while nobody listens at Temporal's address.
const AWAY = `Status { code: Unavailable, message: "tcp connect error", source: Some(tonic::transport::Error(Transport,
  ConnectError("tcp connect error", 10.0.0.1:7233, Os { code: 111, kind: ConnectionRefused, message: "refused" }))) }`;

it('writes one line of a kind in half a minute, and how many were like it', () => {
  let now = 1_000;
  const { lines, write } = recorded(() => now);
  for (let tries = 6; tries < 46; tries++) {
    write(entry(`gRPC call poll_activity_task_queue retried ${tries} times`, { error: AWAY }));
  }
  write(entry('gRPC call poll_workflow_task_queue retried 6 times', { error: AWAY }));
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ level: 40, sdkComponent: 'core', code: 'Unavailable', cause: 'ConnectionRefused' });
  now += 30_000;
  write(entry('gRPC call poll_activity_task_queue retried 50 times', { error: AWAY }));
  expect(lines.at(-1)).toMatchObject({ alsoLikeIt: 39 });
});

it('writes every line that is about a workflow of its own, and every one of the SDK proper', () => {
  const { lines, write } = recorded();
  for (const workflowId of ['email-1', 'email-2']) write(entry('Workflow task failed', { workflow_id: workflowId }));
  for (let times = 0; times < 2; times++)
    write(entry('Activity failed', { sdkComponent: 'worker', workflowId: 'email-1' }));
  expect(lines.map(({ workflowId }) => workflowId)).toEqual(['email-1', 'email-2', 'email-1', 'email-1']);
});

it('leaves out what a message or an error may quote', () => {
  const { lines, write } = recorded();
  write(entry('Failing task Failure { message: "no such user reader@example.org", stack: "…" }'));
  write(
    entry('lost reader@example.org', { error: new Error('duplicate key reader@example.org'), receiver: 'reader@' }),
  );
  expect(lines.map(({ msg, error }) => [msg, error])).toEqual([
    ['Failing task', undefined],
    ['lost …', 'Error'],
  ]);
  expect(JSON.stringify(lines)).not.toContain('reader');
});

it('keeps to itself what we mean', () => {
  const { lines, write } = recorded();
  write(entry('No workflows registered, not polling for workflow tasks', { sdkComponent: 'worker' }));
  expect(lines).toEqual([]);
});
