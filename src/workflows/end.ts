import { proxyLocalActivities, sleep } from '@temporalio/workflow';
import type { Plan, RecordActivities, RecordedEnd } from '../activities/types.js';

/** What earlier releases took for trouble: their plans do not say. */
const FORMER_TROUBLE: readonly string[] = ['failed', 'dead', 'suppressed', 'bounced', 'complained'];

/** While the record cannot be read: an end is in no hurry, and a long wait adds few events to the history. */
const READ_AGAIN_MS = 5 * 60_000;

const { persist: loadPlan } = proxyLocalActivities<RecordActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumInterval: '5s' },
});
const { readEnd } = proxyLocalActivities<RecordActivities>({
  startToCloseTimeout: '2s',
  retry: { initialInterval: '200ms', maximumAttempts: 4 },
});

/**
 * How the record says that the e-mail ended. A click is more than the open that it is signalled as, a deferral is more than
 * the silence after it, and a bounce may be recorded before its signal comes.
 *
 * @param heard what the workflow has heard: it counts where the record has lost the e-mail.
 */
export async function recordedEnd(emailId: string, heard: string): Promise<RecordedEnd> {
  for (;;) {
    try {
      return (await readEnd(emailId)) ?? { status: heard, trouble: FORMER_TROUBLE.includes(heard) };
    } catch {
      await sleep(READ_AGAIN_MS);
    }
  }
}

/** How an e-mail ends whose plan is of a release that asked the record after a failure only. */
export async function formerEnd(emailId: string, plan: Plan, heard: string, failed: boolean): Promise<RecordedEnd> {
  let end = heard;
  // A plan without `admitting` is of a release that took everything that had failed once sent for `failed`.
  let { trouble = FORMER_TROUBLE } = plan;
  if (failed) {
    const last = plan.admitting && (await loadPlan(emailId));
    end = last?.status ?? 'failed';
    trouble = last?.trouble ?? trouble;
  }
  return { status: end, trouble: trouble.includes(end) };
}
