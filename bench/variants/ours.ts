import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { inParallel } from '../../src/process/parallel.js';
import { PROCESS_NAMES, type Stack } from '../../test/support/stack.js';
import { until } from '../../test/support/until.js';
import { Submitter } from '../harness/submit.js';
import type { Pids } from '../harness/usage.js';
import type { World } from '../harness/world.js';
import type { Variant } from './variant.js';

const PATIENCE_MS = 30 * 60_000;
const SUBMITTERS = 8;

/** The CPU of every process of the stack. */
export const pidsOf = (stack: Stack) =>
  Object.fromEntries(PROCESS_NAMES.map((name) => [name, stack.pidOf(name)] as const));

interface OursOptions {
  readonly name?: string;
  readonly attachmentBytes?: number;
  /** When it is not the world's own. */
  readonly other?: {
    readonly database: string;
    readonly client: pg.Client;
    readonly namespace: string;
    readonly temporal?: { readonly client: Client; readonly pids: Pids };
  };
}

/** The whole system, from submission by HTTP to opened by webhook. */
export function oursOn(world: World, stack: Stack, options: OursOptions = {}): Variant {
  const { name = 'ours', attachmentBytes = 0, other } = options;
  const submitter = world.own(new Submitter(stack.api, stack.key), (it) => it.close());
  const client = other?.client ?? world.server;
  return {
    name,
    pids: { ...pidsOf(stack), ...withTemporal(world.pids, other?.temporal?.pids) },
    temporal: other?.temporal?.client,
    database: other?.database ?? 'tempost',
    workflowType: other && !other.temporal ? undefined : 'email',
    async round(emails) {
      const opened = await countOpened(client);
      await submitAll(submitter, emails, attachmentBytes);
      await until('all are opened', async () => (await opened()) === emails, PATIENCE_MS);
      const open = () => world.openWorkflows('email', other?.namespace, other?.temporal?.client);
      await until('all workflows are closed', async () => (await open()) === 0, PATIENCE_MS);
    },
  };
}

/** The servers' processes, with another Temporal's in the place of the world's. */
export function withTemporal(pids: Pids, others?: Pids): Pids {
  if (!others) return pids;
  const { Temporal: _, ...rest } = pids;
  return { ...rest, ...others };
}

/** Submits as fast as the api takes them. */
export async function submitAll(submitter: Submitter, emails: number, attachmentBytes = 0): Promise<void> {
  const attachment = attachmentBytes > 0 ? randomBytes(attachmentBytes) : undefined;
  await inParallel(emails, SUBMITTERS, async (n) => {
    await submitter.submit({ priority: 'medium', receiver: `open+${n}@example.org`, attachment });
  });
}

/** How many that were accepted from now on are opened: a look at no more rows than these. */
export async function countOpened(client: pg.Client): Promise<() => Promise<number>> {
  const { rows } = await client.query<{ id: string }>('select uuidv7() id');
  return async () => {
    const counted = await client.query<{ n: number }>(
      `select count(*)::int n from emails bench where id >= $1 and status = 'opened'`,
      [rows[0]!.id],
    );
    return counted.rows[0]!.n;
  };
}
