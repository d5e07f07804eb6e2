import type { TestNamespace } from '../temporal.js';
import { until } from '../until.js';

/** `BATCH_OPERATION_STATE_RUNNING` of Temporal's API. */
const BATCH_RUNNING = 1;

/** Waits until no batch is under way: Temporal refuses another one beside it. */
export const noBatchRuns = ({ client, namespace }: Pick<TestNamespace, 'client' | 'namespace'>): Promise<unknown> =>
  until('no batch is under way', async () => {
    const { operationInfo } = await client.workflowService.listBatchOperations({ namespace });
    return !operationInfo?.some(({ state }) => state === BATCH_RUNNING);
  });
