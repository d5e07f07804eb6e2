import { describe, expect, it } from 'vitest';
import { refused, scriptWorkflows, start } from '../../test/support/servers/scripted-workflows.js';
import { LOOK_AGAIN_MS } from '../activities/await-provider.js';
import type { Awaiting, SendOutcome } from '../activities/types.js';

scriptWorkflows();

describe('the send rounds of the e-mail workflow', () => {
  it('goes from provider to provider, then backs off and begins again', async () => {
    const { handle, signal, calls } = await start({ sends: [refused(), refused(), refused()] });
    await signal('opened');
    await handle.result();
    expect(calls).toEqual(['send mailgun', 'send mandrill', 'send mailgun', 'send mandrill']);
  });

  it('sleeps while no provider admits it, and takes the first that does when its turn comes', async () => {
    const { handle, signal, calls } = await start({
      plan: { admitting: [] },
      laterPlan: { admitting: ['mandrill'] },
    });
    await signal('opened');
    await expect.poll(() => calls).toEqual(['await']);
    await signal('turn');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['await', 'send mandrill']);
  });

  it('sleeps also when it was refused where it had seemed admitted, and hears a turn that came meanwhile', async () => {
    const closed: SendOutcome = { kind: 'not_admitted', code: 'breaker_open', waitMs: 2 };
    const scripted = await start({
      sends: [closed, closed],
      onAwait: () => scripted.signal('turn'),
    });
    await scripted.signal('opened');
    expect(await scripted.handle.result()).toBe('opened');
    expect(scripted.calls).toEqual(['send mailgun', 'send mandrill', 'await', 'send mailgun']);
  });

  it('looks by itself while nobody wakes it, and adds at most 40 events an hour to its history', async () => {
    const looks = 8;
    const awaiting: Awaiting = { kind: 'awaiting', waitMs: 1 };
    const { handle, calls } = await start({
      plan: { admitting: [] },
      awaitings: Array.from({ length: looks }, () => awaiting),
    });
    await expect.poll(() => calls.length).toBe(looks + 1);
    const { historyLength } = await handle.describe();
    // As often as the record asks for it; the first events also mark the versions of the workflow.
    const looksAnHour = 3_600_000 / LOOK_AGAIN_MS;
    expect((looksAnHour * (historyLength - 12)) / looks).toBeLessThanOrEqual(40);
    await handle.terminate();
  });

  it('ends when the record says so while it waits for a provider', async () => {
    const { handle, calls } = await start({
      plan: { admitting: [] },
      awaitings: [
        { kind: 'ambiguous', code: 'earlier_attempt' },
        { kind: 'ended', status: 'dead' },
      ],
    });
    expect(await handle.result()).toBe('dead');
    expect(calls).toEqual(['await', 'reconcile', 'await']);
  });

  it('goes past a provider whose breaker has opened since the round began', async () => {
    const { handle, signal, calls } = await start({
      plan: { providers: ['mailgun', 'mandrill', 'smtp'], admitting: ['mailgun', 'mandrill', 'smtp'] },
      laterPlan: { providers: ['mailgun', 'mandrill', 'smtp'], admitting: ['smtp'] },
      sends: [refused()],
    });
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['send mailgun', 'send smtp']);
  });

  it('never sends again while an attempt is ambiguous, until it is settled', async () => {
    const { handle, signal, calls } = await start({
      sends: [{ kind: 'ambiguous', code: 'timeout' }],
      reconciliations: [
        { kind: 'wait', waitMs: 5 },
        { kind: 'wait', waitMs: 5 },
        { kind: 'refused', code: 'ambiguous' },
      ],
    });
    await signal('opened');
    await handle.result();
    expect(calls).toEqual(['send mailgun', 'reconcile', 'reconcile', 'reconcile', 'send mandrill']);
  });

  it('looks again as soon as evidence comes', async () => {
    const { handle, signal, calls } = await start({
      sends: [{ kind: 'ambiguous', code: 'timeout' }],
      reconciliations: [
        { kind: 'wait', waitMs: 3_600_000 },
        { kind: 'accepted', provider: 'mailgun' },
      ],
    });
    await expect.poll(() => calls.at(-1)).toBe('reconcile');
    await signal('evidence');
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['send mailgun', 'reconcile', 'reconcile']);
  });

  it('keeps an answer that could not be written down, and has it written', async () => {
    const unrecorded = {
      emailId: '',
      generation: 1,
      attempt: 1,
      provider: 'mailgun' as const,
      answer: {
        result: { kind: 'accepted' as const, providerMessageId: 'id' },
        lastOfRound: false,
        noted: false,
      },
    };
    const scripted = await start({
      sends: [{ kind: 'unrecorded', unrecorded }],
      onSend: async () => {
        Object.assign(unrecorded, { emailId: scripted.handle.workflowId.slice('email-'.length) });
      },
    });
    await scripted.signal('opened');
    expect(await scripted.handle.result()).toBe('opened');
    expect(scripted.calls).toEqual(['send mailgun', 'recordAnswer']);
  });

  it('does not wait for the end of a back-off when told to hurry', async () => {
    const { handle, signal, calls } = await start({
      plan: { backoff: { initialMs: 3_600_000, maxMs: 3_600_000 } },
      sends: [refused(), refused()],
    });
    await expect.poll(() => calls.length).toBe(2);
    await expect.poll(() => handle.query('status')).toBe('handing over');
    await handle.executeUpdate('retryNow');
    await signal('opened');
    expect(await handle.result()).toBe('opened');
  });

  it('hurries as well when it was told while a call was still under way', async () => {
    const scripted = await start({
      plan: { backoff: { initialMs: 3_600_000, maxMs: 3_600_000 } },
      sends: [refused(), refused()],
      onSend: async (tries) => {
        if (tries === 1) await scripted.handle.executeUpdate('retryNow');
      },
    });
    await scripted.signal('opened');
    expect(await scripted.handle.result()).toBe('opened');
    expect(scripted.calls).toEqual(['send mailgun', 'send mandrill', 'send mailgun']);
  });

  it('is not kept from one provider by what another one asks for', async () => {
    const { handle, signal, calls } = await start({
      plan: { backoff: { initialMs: 1, maxMs: 4 } },
      sends: [refused(3_600_000), { kind: 'not_admitted', code: 'rate_limited', waitMs: 1 }],
    });
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['send mailgun', 'send mandrill', 'send mailgun']);
  });

  it('goes to a provider that was added while it waited, and no more to one that was taken away', async () => {
    const { handle, signal, calls } = await start({
      plan: { providers: ['mailgun'] },
      laterPlan: { providers: ['mandrill'] },
      sends: [refused()],
    });
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['send mailgun', 'send mandrill']);
  });

  it('goes on with the providers that it knows while the record cannot be read', async () => {
    const { handle, signal, calls } = await start({ laterPlan: 'unreadable', sends: [refused(), refused()] });
    await signal('opened');
    expect(await handle.result()).toBe('opened');
    expect(calls).toEqual(['send mailgun', 'send mandrill', 'send mailgun']);
  });

  it('looks at evidence that came while it was being looked for', async () => {
    const scripted = await start({
      sends: [{ kind: 'ambiguous', code: 'timeout' }],
      reconciliations: [
        { kind: 'wait', waitMs: 3_600_000 },
        { kind: 'accepted', provider: 'mailgun' },
      ],
      onReconcile: () => scripted.signal('evidence'),
    });
    await scripted.signal('opened');
    expect(await scripted.handle.result()).toBe('opened');
    expect(scripted.calls).toEqual(['send mailgun', 'reconcile', 'reconcile']);
  });
});
