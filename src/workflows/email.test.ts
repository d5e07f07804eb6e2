import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patient } from '../../test/support/patience.js';
import { refused, scriptWorkflows, start } from '../../test/support/servers/scripted-workflows.js';
import type { Awaiting, Reconciliation, SendOutcome } from '../activities/types.js';
import { SHIPPED_STATUSES, statusesThat } from '../domain/emails/statuses.js';
import type { SignalKind } from '../postgres/schema.js';

scriptWorkflows();

describe('the e-mail workflow', () => {
  it('sends, and ends as opened when it hears of delivery and open', async () => {
    const { handle, signal, calls } = await start({});
    await signal('delivered');
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['send mailgun']);
  });

  it('takes an open for a delivery it did not hear of', async () => {
    const { handle, signal } = await start({});
    await signal('opened');
    expect(await handle.result()).toBe('opened');
  });

  it('ends as delivered when nobody opens it in time', async () => {
    const { handle, signal } = await start({ plan: { openWindowMs: 1 } });
    await signal('delivered');
    expect(await handle.result()).toBe('delivered');
  });

  it('asks the provider when nothing is heard, and ends as sent when there is no news', async () => {
    const { handle, calls } = await start({ plan: { deliveryTimeoutMs: 1 } });
    expect(await handle.result()).toBe('sent');
    expect(calls).toEqual(['send mailgun', 'lookForNews']);
  });

  it.each([
    ['opened', 'clicked'],
    ['delivered', 'bounced'],
    ['failed', 'complained'],
    ['failed', 'opened'],
  ] as const)('told that it is %s, ends as %s when the record says so', async (told, status) => {
    const recordedEnd = { status, trouble: status === 'complained' };
    const { handle, signal, calls } = await start({ plan: { openWindowMs: 1 }, recordedEnd });
    await expect.poll(() => calls).toEqual(['send mailgun']);
    await signal(told, ...(told === 'failed' ? [] : [true as const]));
    expect(await handle.result()).toBe(status);
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes.EmailStatus).toEqual(recordedEnd.trouble ? [status] : undefined);
  });

  it.each(['delivered', 'opened'] as const)('told that it is %s and no more, reads nothing', async (told) => {
    const onReadEnd = () => Promise.reject(new Error('it is not to be read'));
    const { handle, signal } = await start({ plan: { openWindowMs: 1 }, onReadEnd });
    await signal(told);
    expect(await handle.result()).toBe(told);
  });

  it('ends as deferred, not as sent, when that was the last news', async () => {
    const recordedEnd = { status: 'deferred', trouble: false };
    const { handle, calls } = await start({ plan: { deliveryTimeoutMs: 1 }, recordedEnd });
    expect(await handle.result()).toBe('deferred');
    expect(calls).toEqual(['send mailgun', 'lookForNews']);
  });

  it('does not wait for an open of what the delivery check finds bounced, and can be found by that in Temporal', async () => {
    const recordedEnd = { status: 'bounced', trouble: true };
    const plan = { deliveryTimeoutMs: 1, openWindowMs: 3_600_000 };
    for (const endsAsRecorded of [true, undefined] as const) {
      const former = { laterPlan: { status: 'bounced', trouble: ['bounced'] } };
      const { handle } = await start({ plan: { ...plan, endsAsRecorded }, ...former, news: 'over', recordedEnd });
      expect(await handle.result()).toBe('bounced');
      expect((await handle.describe()).searchAttributes.EmailStatus).toEqual(['bounced']);
    }
  });

  it('reads its end again when it could not be read, and says what it heard where the record knows no such e-mail', async () => {
    let reads = 0;
    const onReadEnd = async () => {
      if (++reads < 3) throw new Error('connection lost');
    };
    const { handle, signal } = await start({ onReadEnd, recordedEnd: { status: 'clicked', trouble: false } });
    await signal('opened', true);
    expect(await handle.result()).toBe('clicked');
    expect(reads).toBe(3);
    const lost = await start({});
    await lost.signal('failed');
    expect(await lost.handle.result()).toBe('failed');
  });

  it('has the search attribute at every end that is trouble, by hand-over or by news, and at no other', async () => {
    const trouble = statusesThat(SHIPPED_STATUSES, (rule) => rule.trouble);
    expect(trouble.toSorted()).toEqual(['bounced', 'complained', 'dead', 'failed', 'suppressed']);
    for (const [status, { final }] of SHIPPED_STATUSES) {
      if (!final) continue;
      const expected = trouble.includes(status) ? [status] : undefined;
      const recordedEnd = { status, trouble: trouble.includes(status) };
      const unsent = await start({ sends: [{ kind: 'ended', status }], recordedEnd });
      expect(await unsent.handle.result()).toBe(status);
      expect([status, (await unsent.handle.describe()).searchAttributes.EmailStatus]).toEqual([status, expected]);
      const { handle, signal, calls } = await start({ recordedEnd });
      await expect.poll(() => calls).toEqual(['send mailgun']);
      await signal('failed');
      expect(await handle.result()).toBe(status);
      expect([status, (await handle.describe()).searchAttributes.EmailStatus]).toEqual([status, expected]);
    }
  });

  it('with a plan of the release before, asks the record after a failure only', async () => {
    const trouble = ['bad_reply'];
    for (const status of ['bad_reply', 'bounced']) {
      const plan = { trouble: [], endsAsRecorded: undefined };
      const { handle, signal, calls } = await start({ plan, laterPlan: { status, trouble } });
      await expect.poll(() => calls).toEqual(['send mailgun']);
      await signal('failed');
      expect(await handle.result()).toBe(status);
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes.EmailStatus).toEqual(status === 'bad_reply' ? [status] : undefined);
    }
  });

  it('stops at once when the record says that it is over', async () => {
    for (const status of ['failed', 'cancelled', 'suppressed', 'dead']) {
      const { handle, calls } = await start({ sends: [{ kind: 'ended', status }] });
      expect(await handle.result()).toBe(status);
      expect(calls).toEqual(['send mailgun']);
    }
  });

  it('uploads beside the send, and does not end before the upload has', async () => {
    const { handle, signal, calls } = await start({ plan: { uploadPending: true, hasAttachment: true } });
    await signal('opened');
    await handle.result();
    expect(new Set(calls)).toEqual(new Set(['upload', 'send mailgun']));
  });

  it('ends as the record says of what it hears while the last upload goes on, whatever the signal says', async () => {
    for (const told of ['failed', 'opened'] as const) {
      let uploaded = () => {};
      const done = new Promise<void>((resolve) => {
        uploaded = resolve;
      });
      const status = told === 'failed' ? 'bounced' : 'opened';
      const plan = { uploadPending: true, hasAttachment: true, openWindowMs: 1 };
      const recordedEnd = { status, trouble: told === 'failed' };
      const { handle, signal } = await start({ plan, onUpload: () => done, recordedEnd });
      await signal('delivered');
      await expect.poll(() => handle.query('status')).toBe('finishing upload');
      await signal(told);
      uploaded();
      expect(await handle.result()).toBe(status);
      expect((await handle.describe()).searchAttributes.EmailStatus).toEqual(told === 'failed' ? [status] : undefined);
    }
  });

  it('started anew, only does what is left', async () => {
    const delivery = await start({ plan: { stage: 'await_delivery', status: 'sent' } });
    await delivery.signal('delivered');
    await delivery.signal('opened');
    expect(await delivery.handle.result()).toBe('opened');
    const open = await start({ plan: { stage: 'await_open', status: 'delivered', openWindowMs: 1 } });
    expect(await open.handle.result()).toBe('delivered');
    const over = await start({ plan: { stage: 'over', status: 'bounced' } });
    expect(await over.handle.result()).toBe('bounced');
    expect([...delivery.calls, ...open.calls, ...over.calls]).toEqual([]);
  });

  it('whatever the answers, signals and their order: sends nothing after an acceptance, and ends', {
    timeout: patient(240_000),
  }, async () => {
    const outcome: fc.Arbitrary<SendOutcome> = fc.oneof(
      fc.constant(refused()),
      fc.constant<SendOutcome>({ kind: 'not_admitted', code: 'breaker_open', waitMs: 1 }),
      fc.constant<SendOutcome>({ kind: 'ambiguous', code: 'timeout' }),
      fc.constant<SendOutcome>({ kind: 'accepted', provider: 'mandrill' }),
      fc.constantFrom('failed', 'cancelled', 'dead').map((status): SendOutcome => ({ kind: 'ended', status })),
    );
    const settled: fc.Arbitrary<Reconciliation> = fc.oneof(
      fc.constant<Reconciliation>({ kind: 'wait', waitMs: 1 }),
      fc.constant<Reconciliation>({ kind: 'refused', code: 'ambiguous' }),
      fc.constant<Reconciliation>({ kind: 'accepted', provider: 'mailgun' }),
      fc.constant<Reconciliation>({ kind: 'ended', status: 'dead' }),
    );
    const signals = fc.array(fc.constantFrom<SignalKind>('delivered', 'opened', 'failed', 'evidence'), {
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcome, { maxLength: 5 }),
        fc.array(settled, { maxLength: 5 }),
        signals,
        async (sends, reconciliations, heard) => {
          const plan = { deliveryTimeoutMs: 1, openWindowMs: 1 };
          const awaitings = sends.map((): Awaiting => ({ kind: 'awaiting', waitMs: 1 }));
          const { handle, signal, calls } = await start({ plan, sends, reconciliations, awaitings });
          for (const kind of heard) await signal(kind).catch(() => {});
          const end = await handle.result();
          expect(['sent', 'delivered', 'opened', 'failed', 'cancelled', 'dead']).toContain(end);
          // The script's first acceptance or end is the last thing that was asked of a provider.
          const over = (kind: string) => kind === 'accepted' || kind === 'ended';
          const tries = calls.filter((call) => call.startsWith('send'));
          const before = tries.slice(0, -1).map((_, index) => sends[index]?.kind ?? 'accepted');
          expect(before.filter(over)).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });
});
