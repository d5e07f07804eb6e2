import { continueAsNew, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { JobActivities } from '../activities/types.js';
import type { JobInput } from './input.js';

const { runJobSlice } = proxyActivities<JobActivities>({
  startToCloseTimeout: '3m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '500ms', maximumInterval: '10s' },
});

/** About a quarter of an hour, and a thousand events. */
const SLICES_A_RUN = 150;

/**
 * An operator's job, slice by slice. The record holds what is to be done and what was; this only sees to it that
 * somebody goes on with it. So it may be killed, repeated, reset or started anew anywhere.
 *
 * @returns the state in which the job was left: `done`, `stopped`, `failed`, or `gone`.
 */
export async function job(input: JobInput): Promise<string> {
  for (let slices = 0; slices < SLICES_A_RUN; slices++) {
    const { state, matched } = await runJobSlice(input.jobId);
    setCurrentDetails(`${state}; ${matched} items`);
    if (state !== 'planning' && state !== 'running') return state;
  }
  return continueAsNew<typeof job>(input);
}
