import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { RecordActivities } from '../activities/types.js';
import type { SignalKind } from '../postgres/schema.js';
import { formerEnd, recordedEnd } from './end.js';
import type { EmailInput } from './input.js';
import { sendActivities } from './send-activities.js';
import { runSendRounds } from './send-rounds.js';
import type { Wakes } from './wakes.js';

export type Stage = 'starting' | 'handing over' | 'awaiting delivery' | 'awaiting open' | 'finishing upload' | 'over';

/**
 * A provider's webhook said something that moves the e-mail (the record holds what), or a provider admits it again. With
 * `true` the record says more than that, and is read before the end.
 */
export const providerEvent = defineSignal<[SignalKind | 'turn', boolean?]>('providerEvent');
/** Look at the record again: it may have been cancelled there. */
export const cancel = defineUpdate<void>('cancel');
/** Do not wait for the end of the back-off. */
export const retryNow = defineUpdate<void>('retryNow');
export const status = defineQuery<Stage>('status');
/** When it looks again by itself, in milliseconds since 1970; null while it waits for nothing of the kind. */
export const nextTry = defineQuery<number | null>('nextTry');

/** Set only when something is wrong: each search attribute costs an indexed write per e-mail. */
const emailStatus = defineSearchAttributeKey('EmailStatus', SearchAttributeType.KEYWORD);
const { persist: loadPlan } = proxyLocalActivities<RecordActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', maximumInterval: '5s' },
});
const { uploadAttachment } = proxyActivities<RecordActivities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
});

/**
 * The life of one e-mail, from accepted to delivered and opened. It holds only the id: every step first looks at what
 * the record says has been done, so that it may be killed, repeated, reset or started anew anywhere.
 *
 * @returns the e-mail's status in the record when its workflow ended: `opened`, `clicked`, `delivered`, `bounced`, `sent`
 *   (nothing was heard), …
 */
export async function email(input: EmailInput): Promise<string> {
  const { emailId } = input;
  let stage: Stage = 'starting';
  const heard = new Set<SignalKind>();
  const wakes: Wakes = { evidence: 0, hurry: 0 };
  const enter = (next: Stage, details: string) => {
    stage = next;
    setCurrentDetails(details);
  };
  setHandler(status, () => stage);
  setHandler(nextTry, () => wakes.untilMs ?? null);
  let isSure = true;
  setHandler(providerEvent, (kind, seeRecord = false) => {
    if (kind === 'turn') return void wakes.hurry++;
    heard.add(kind);
    // By the last upload its end is fixed, and what comes then is in the record alone.
    if (seeRecord || stage === 'finishing upload') isSure = false;
    wakes.evidence++;
  });
  setHandler(cancel, () => void wakes.hurry++);
  setHandler(retryNow, () => void wakes.hurry++);

  const plan = await loadPlan(emailId);
  const upload = plan.uploadPending ? uploadAttachment(emailId) : Promise.resolve();
  let end = plan.status;
  let waits = plan.stage;

  if (waits === 'hand_over') {
    enter('handing over', 'being handed to a provider');
    const outcome = await runSendRounds(input, plan, wakes);
    end = outcome.kind === 'accepted' ? 'sent' : outcome.status;
    waits = outcome.kind === 'accepted' ? 'await_delivery' : 'over';
  }
  if (waits === 'await_delivery') {
    enter('awaiting delivery', 'sent; waiting for news of its delivery');
    const heardOf = () => heard.has('delivered') || heard.has('opened') || heard.has('failed');
    if (!(await condition(heardOf, plan.deliveryTimeoutMs))) {
      const { lookForNews: checkDelivery } = sendActivities('asking whether it was delivered');
      const found = await checkDelivery({ emailId, generation: plan.generation });
      if (found !== 'quiet') heard.add(found === 'over' ? 'failed' : found);
      isSure = false;
    }
    if (heard.has('delivered')) end = 'delivered';
    waits = heard.has('delivered') && !heard.has('failed') ? 'await_open' : 'over';
  }
  if (waits === 'await_open') {
    enter('awaiting open', 'delivered; waiting to be opened');
    await condition(() => heard.has('opened') || heard.has('failed'), plan.openWindowMs);
  }
  if (heard.has('opened')) end = 'opened';
  const former = plan.endsAsRecorded ? undefined : await formerEnd(emailId, plan, end, heard.has('failed'));
  end = former?.status ?? (heard.has('failed') ? 'failed' : end);

  enter('finishing upload', `${end}; finishing the upload of the attachment`);
  await upload;
  const isKnown = isSure && (end === 'delivered' || end === 'opened');
  const last = former ?? (isKnown ? { status: end, trouble: false } : await recordedEnd(emailId, end));
  enter('over', last.status);
  if (last.trouble) upsertSearchAttributes([{ key: emailStatus, value: last.status }]);
  return last.status;
}
