import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../test/support/stack.js';
import { startChild } from './harness/child.js';
import { quantile, short, sum } from './harness/figures.js';
import { Meter } from './harness/usage.js';
import type { World } from './harness/world.js';
import { say } from './results.js';
import { addHandedOver, post, webhookOf } from './webhooks.js';

const MB = 2 ** 20;

/** What became of genuine webhooks that came at a steady rate. */
interface Genuine {
  readonly webhooks: number;
  /** How many were not answered with 200, by status; 0 is none at all. */
  readonly refused: Readonly<Record<number, number>>;
  /** How many are not in the record. */
  readonly lost: number;
  readonly answerMs: { readonly p50: number; readonly p99: number; readonly worst: number };
  /** Of the webhooks service. */
  readonly cpuMsPerS: number;
  readonly peakMb: number;
}

interface HostileResult {
  readonly quiet: Genuine;
  readonly attacked: Genuine;
  /** How much later the p99 is beside the attack, in milliseconds. */
  readonly p99LaterMs: number;
  readonly hostile: {
    readonly mbPerS: number;
    readonly requests: number;
    readonly answers: Readonly<Record<string, number>>;
  };
}

/**
 * Genuine webhooks at a steady rate, alone and beside bodies that nobody signed: forms of nothing but fields,
 * batches that are all escapes, multipart of nothing but parts or of what looks like boundaries, deep JSON, small ones by
 * the hundred, and connections that stall within headers or bodies.
 */
export async function benchHostile(
  world: World,
  stack: Stack,
  options: { readonly perS: number; readonly seconds: number; readonly hostileBytesPerS: number },
): Promise<HostileResult> {
  const env = { WEBHOOKS_PORT: String(stack.ports.webhooks), BYTES_PER_S: String(options.hostileBytesPerS) };
  const sender = await startChild({
    script: 'bench/processes/hostile-sender.js',
    env,
    logFile: join(world.folder, 'hostile-sender.log'),
  });
  world.own(sender, (it) => it.stop());
  // What the first webhooks load and compile is nobody's.
  await sendGenuine(world, stack, { ...options, seconds: Math.min(5, options.seconds) });
  const half = { ...options, seconds: options.seconds / 2 };
  say(`${options.perS} webhooks a second, alone, for half of ${options.seconds} s; the other half comes afterwards`);
  const before = await sendGenuine(world, stack, half);
  say(`the same for ${options.seconds} s beside ${short(options.hostileBytesPerS / MB)} MB of hostile bodies a second`);
  await sender.ask({ begin: true });
  const beside = await sendGenuine(world, stack, options);
  const told = (await sender.ask({ end: true })) as {
    sentBytes: number;
    requests: number;
    answers: Record<string, number>;
  };
  const after = await sendGenuine(world, stack, half);
  const quiet = summaryOf([before, after]);
  const attacked = summaryOf([beside]);
  return {
    quiet,
    attacked,
    p99LaterMs: attacked.answerMs.p99 - quiet.answerMs.p99,
    hostile: {
      mbPerS: told.sentBytes / MB / beside.seconds,
      requests: told.requests,
      answers: told.answers,
    },
  };
}

type Phase = Awaited<ReturnType<typeof sendGenuine>>;

function summaryOf(phases: readonly Phase[]): Genuine {
  const all = phases.flatMap(({ answers }) => answers);
  const answersMs = all.map(({ ms }) => ms);
  const refused: Record<number, number> = {};
  for (const { status } of all) if (status !== 200) refused[status] = (refused[status] ?? 0) + 1;
  return {
    webhooks: all.length,
    refused,
    lost: sum(phases.map(({ lost }) => lost)),
    answerMs: { p50: quantile(answersMs, 0.5), p99: quantile(answersMs, 0.99), worst: quantile(answersMs, 1) },
    cpuMsPerS: sum(phases.map(({ cpuMs }) => cpuMs)) / sum(phases.map(({ seconds }) => seconds)),
    peakMb: Math.max(...phases.map(({ peakBytes }) => peakBytes)) / MB,
  };
}

async function sendGenuine(
  world: World,
  stack: Stack,
  { perS, seconds }: { readonly perS: number; readonly seconds: number },
) {
  const ids = await addHandedOver(world, Math.ceil(perS * seconds));
  const agent = new Agent({ keepAlive: true });
  const meter = new Meter({ webhooks: stack.pidOf('webhooks') });
  const begun = performance.now();
  const calls: Promise<{ readonly status: number; readonly ms: number }>[] = [];
  for (const [n, id] of ids.entries()) {
    const waitMs = begun + (n * 1000) / perS - performance.now();
    if (waitMs > 1) await delay(waitMs);
    const sentAt = performance.now();
    const call = post(`${stack.webhooks}/webhooks/mailgun`, webhookOf(id, 'delivered'), agent).catch(() => 0);
    calls.push(call.then((status) => ({ status, ms: performance.now() - sentAt })));
  }
  const answers = await Promise.all(calls);
  const tookS = (performance.now() - begun) / 1000;
  const { cpuMs, peakBytes } = meter.stop();
  agent.destroy();
  const [row] = await world.query<{ events: number }>(
    `select count(*)::int events from email_events where type = 'delivered' and email_id = any($1)`,
    [ids],
  );
  const lost = ids.length - row!.events;
  return { answers, lost, seconds: tookS, cpuMs: cpuMs.webhooks!, peakBytes: peakBytes.webhooks! };
}

/** The result in sentences. */
export function hostileSentence({ quiet, attacked, p99LaterMs, hostile }: HostileResult): string {
  const refused = sum(Object.values(attacked.refused));
  const answers = Object.entries(hostile.answers).map(([answer, count]) => `${answer}: ${count}`);
  const figures = ({ answerMs, cpuMsPerS, peakMb }: Genuine) =>
    `p50 ${short(answerMs.p50)}, p99 ${short(answerMs.p99)}, worst ${short(answerMs.worst)} ms, ` +
    `${short(cpuMsPerS)} ms of CPU a second, ${short(peakMb)} MB at most`;
  return (
    `${attacked.webhooks} genuine webhooks beside ${short(hostile.mbPerS)} MB/s of hostile bodies: ${refused} refused, ` +
    `${attacked.lost} lost; ${figures(attacked)}\nalone: ${figures(quiet)}\n` +
    `p99 later by ${short(p99LaterMs)} ms; ${hostile.requests} hostile requests were answered: ${answers.join(', ')}`
  );
}
