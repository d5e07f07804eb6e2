import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

export const delivered = defineSignal('delivered');
export const opened = defineSignal('opened');

interface SendActivities {
  send(): Promise<void>;
}

/** The shape of an e-mail's workflow without any e-mail: one activity, then two signals, each with its time-out. */
export async function bare(): Promise<string> {
  let isDelivered = false;
  let isOpened = false;
  setHandler(delivered, () => {
    isDelivered = true;
  });
  setHandler(opened, () => {
    isOpened = true;
  });
  const { send } = proxyActivities<SendActivities>({ taskQueue: 'bare-send', startToCloseTimeout: '3m' });
  await send();
  await condition(() => isDelivered, '24h');
  await condition(() => isOpened, '24h');
  return 'opened';
}
