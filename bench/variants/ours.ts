import { randomBytes } from 'node:crypto';
import { PROCESS_NAMES, type Stack, until } from '../../test/support/stack.js';
import { inParallel, Submitter } from '../harness/submit.js';
import type { World } from '../harness/world.js';
import type { Variant } from './variant.js';

const PATIENCE_MS = 30 * 60_000;
const SUBMITTERS = 8;

/** The CPU of every process of the stack. */
export const pidsOf = (stack: Stack) =>
  Object.fromEntries(PROCESS_NAMES.map((name) => [name, stack.pidOf(name)] as const));

/** The whole system, from submission by HTTP to opened by webhook. */
export function oursOn(world: World, stack: Stack, attachmentBytes = 0): Variant {
  const submitter = world.own(new Submitter(stack.api, stack.key), (it) => it.close());
  return {
    name: attachmentBytes > 0 ? `ours, ${Math.round(attachmentBytes / 1000)} KB attached` : 'ours',
    pids: { ...pidsOf(stack), ...world.pids },
    database: 'tempost',
    workflowType: 'email',
    async round(emails) {
      const before = await opened(world);
      await submitAll(submitter, emails, attachmentBytes);
      await until('all are opened', async () => (await opened(world)) === before + emails, PATIENCE_MS);
      await until('all workflows are closed', async () => (await world.openWorkflows('email')) === 0, PATIENCE_MS);
    },
  };
}

/** Submits as fast as the api takes them. */
export async function submitAll(submitter: Submitter, emails: number, attachmentBytes = 0): Promise<void> {
  const attachment = attachmentBytes > 0 ? randomBytes(attachmentBytes) : undefined;
  await inParallel(emails, SUBMITTERS, async (n) => {
    await submitter.submit({ priority: 'medium', receiver: `open+${n}@example.org`, attachment });
  });
}

async function opened(world: World): Promise<number> {
  const [row] = await world.query<{ n: number }>(`select count(*)::int n from emails where status = 'opened'`);
  return row!.n;
}
