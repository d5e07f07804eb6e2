import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../test/support/stack.js';
import { quantile, short } from './harness/figures.js';
import { Submitter } from './harness/submit.js';
import { Meter, memoryBytesOf } from './harness/usage.js';
import type { World } from './harness/world.js';

/** Submits at a steady rate, whether or not earlier answers have come, while everything else works. */
export async function benchApi(
  world: World,
  stack: Stack,
  options: { readonly perS: number; readonly seconds: number },
) {
  const submitter = world.own(new Submitter(stack.api, stack.key), (it) => it.close());
  const pid = stack.pidOf('api');
  await submitter.submit({ priority: 'low', receiver: 'open+first@example.org' });
  const meter = new Meter({ api: pid });
  const memory: number[] = [];
  const answersMs: number[] = [];
  let errors = 0;
  const begun = performance.now();
  const total = options.perS * options.seconds;
  const calls: Promise<void>[] = [];
  for (let n = 0; n < total; n++) {
    const waitMs = begun + (n * 1000) / options.perS - performance.now();
    if (waitMs > 1) await delay(waitMs);
    if (n % options.perS === 0) memory.push(memoryBytesOf(pid));
    const sentAt = performance.now();
    const call = submitter.post({ priority: 'low', receiver: `open+${n}@example.org` }).then(
      ({ status }) => {
        if (status === 200) answersMs.push(performance.now() - sentAt);
        else errors++;
      },
      () => void errors++,
    );
    calls.push(call);
  }
  await Promise.all(calls);
  const seconds = (performance.now() - begun) / 1000;
  const { cpuMs } = meter.stop();
  return {
    submitted: total,
    errors,
    perS: answersMs.length / seconds,
    answerMs: { p50: quantile(answersMs, 0.5), p99: quantile(answersMs, 0.99), worst: quantile(answersMs, 1) },
    cpuMsPerSubmission: cpuMs.api! / total,
    // The first seconds compile and fill caches; from then on it has to be flat. A single look says only how long ago
    // the collector ran: the medians of the second and of the last quarter are compared.
    memoryMb: {
      early: megabytes(quantile(quarter(memory, 1), 0.5)),
      late: megabytes(quantile(quarter(memory, 3), 0.5)),
      most: megabytes(Math.max(...memory)),
    },
  };
}

/** The result in a sentence. */
export function apiSentence(result: Awaited<ReturnType<typeof benchApi>>): string {
  return (
    `${short(result.perS)} submissions/s, ${result.submitted} in all, ${result.errors} errors; answered in p50 ` +
    `${short(result.answerMs.p50)}, p99 ${short(result.answerMs.p99)}, worst ${short(result.answerMs.worst)} ms; ` +
    `${short(result.cpuMsPerSubmission)} ms of CPU each; memory ${short(result.memoryMb.early)} MB in the second ` +
    `quarter, ${short(result.memoryMb.late)} MB in the last, ${short(result.memoryMb.most)} MB at most`
  );
}

/** @param nth from 0. At least one value of it. */
function quarter(values: readonly number[], nth: number): readonly number[] {
  const from = Math.floor((values.length * nth) / 4);
  return values.slice(from, Math.max(from + 1, Math.floor((values.length * (nth + 1)) / 4)));
}

const megabytes = (bytes: number) => bytes / 2 ** 20;
