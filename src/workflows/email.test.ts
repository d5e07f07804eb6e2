import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patient } from '../../test/support/patience.js';
import { createTestNamespace, type TestNamespace } from '../../test/support/temporal.js';
import type { Awaiting, Plan, Reconciliation, SendOutcome, SendRequest } from '../activities/types.js';
import type { SignalKind } from '../postgres/schema.js';

/**
 * The workflow on a real Temporal server, with a scripted record and scripted providers behind its activities: what it
 * does with each answer. That the real ones answer so is tested beside them, and end to end.
 */
const BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

let temporal: TestNamespace;
let connection: NativeConnection;
let workers: Worker[];
let running: Promise<void>[];

interface Script {
  readonly plan?: Partial<Plan>;
  /** What is left to do when it is asked for again, between two rounds. */
  readonly laterPlan?: Partial<Plan> | 'unreadable';
  /** What each try is told, in order; then `accepted`. */
  readonly sends?: readonly SendOutcome[];
  readonly reconciliations?: readonly Reconciliation[];
  /** What each look is told while no provider admits it, in order; then `awaiting`. */
  readonly awaitings?: readonly Awaiting[];
  /** Called before each of these. */
  readonly onAwait?: () => Promise<unknown>;
  readonly news?: 'delivered' | 'quiet';
  /** Called before each try. */
  readonly onSend?: (tries: number) => Promise<void>;
  /** Called before each look for evidence. */
  readonly onReconcile?: () => Promise<unknown>;
}

interface Trace {
  readonly script: Script;
  readonly calls: string[];
}

const traces = new Map<string, Trace>();

const PLAN: Plan = {
  generation: 1,
  stage: 'hand_over',
  status: 'queued',
  uploadPending: false,
  hasAttachment: false,
  providers: ['mailgun', 'mandrill'],
  admitting: ['mailgun', 'mandrill'],
  backoff: { initialMs: 1, maxMs: 4 },
  deliveryTimeoutMs: 60_000,
  openWindowMs: 60_000,
};

const nth = (calls: readonly string[], name: string) => calls.filter((call) => call.startsWith(name)).length - 1;

const recordActivities = {
  async persist(emailId: string): Promise<Plan> {
    const trace = traces.get(emailId)!;
    const { plan, laterPlan } = trace.script;
    const isLater = trace.calls.length > 0;
    if (isLater && laterPlan === 'unreadable') throw new Error('the record cannot be read');
    const now = { ...PLAN, ...plan, ...(isLater && (laterPlan as Partial<Plan>)) };
    return { ...now, admitting: now.admitting?.filter((provider) => now.providers.includes(provider)) };
  },
  async recordAnswer({ emailId }: { emailId: string }): Promise<SendOutcome> {
    traces.get(emailId)!.calls.push('recordAnswer');
    return { kind: 'accepted', provider: 'mailgun' };
  },
  async awaitProvider({ emailId }: { emailId: string }): Promise<Awaiting> {
    const { script, calls } = traces.get(emailId)!;
    calls.push('await');
    await script.onAwait?.();
    return script.awaitings?.[nth(calls, 'await')] ?? { kind: 'awaiting', waitMs: 3_600_000 };
  },
  async uploadAttachment(emailId: string): Promise<void> {
    traces.get(emailId)!.calls.push('upload');
  },
};

const sendActivities = {
  async send({ emailId, provider }: SendRequest): Promise<SendOutcome> {
    const { script, calls } = traces.get(emailId)!;
    calls.push(`send ${provider}`);
    await script.onSend?.(nth(calls, 'send'));
    return script.sends?.[nth(calls, 'send')] ?? { kind: 'accepted', provider };
  },
  async reconcile({ emailId }: { emailId: string }): Promise<Reconciliation> {
    const { script, calls } = traces.get(emailId)!;
    calls.push('reconcile');
    await script.onReconcile?.();
    return script.reconciliations?.[nth(calls, 'reconcile')] ?? { kind: 'refused', code: 'settled' };
  },
  async lookForNews({ emailId }: { emailId: string }): Promise<'delivered' | 'quiet'> {
    const { script, calls } = traces.get(emailId)!;
    calls.push('lookForNews');
    return script.news ?? 'quiet';
  },
};

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  temporal = await createTestNamespace();
  connection = await NativeConnection.connect({ address: temporal.address });
  const common = { connection, namespace: temporal.namespace };
  workers = [
    await Worker.create({ ...common, taskQueue: 'send-low', activities: sendActivities }),
    await Worker.create({
      ...common,
      taskQueue: 'email-low',
      activities: recordActivities,
      workflowBundle: { codePath: BUNDLE },
    }),
  ];
  running = workers.map((worker) => worker.run());
});
afterAll(async () => {
  for (const worker of workers ?? []) worker.shutdown();
  await Promise.all(running ?? []);
  await connection?.close();
  await temporal?.drop();
});

async function start(script: Script) {
  const emailId = randomUUID();
  const trace: Trace = { script, calls: [] };
  traces.set(emailId, trace);
  const handle = await temporal.client.workflow.start('email', {
    workflowId: `email-${emailId}`,
    taskQueue: 'email-low',
    args: [{ emailId, priority: 'low' }],
  });
  const signal = (kind: SignalKind | 'turn') => handle.signal('providerEvent', kind);
  return { handle, signal, calls: trace.calls };
}

const refused = (retryAfterMs?: number): SendOutcome => ({ kind: 'refused', code: 'http_503', retryAfterMs });

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
    // A look every quarter of an hour, as the record asks; the first ones also mark the versions of the workflow.
    expect((4 * (historyLength - 12)) / looks).toBeLessThanOrEqual(40);
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

  it('ends as the record says when a provider tells of a failure', async () => {
    for (const status of ['bounced', 'complained', 'opened']) {
      const { handle, signal, calls } = await start({ laterPlan: { status } });
      await expect.poll(() => calls).toEqual(['send mailgun']);
      await signal('failed');
      expect(await handle.result()).toBe(status);
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes.EmailStatus).toEqual(status === 'opened' ? undefined : [status]);
    }
  });

  it('has the search attribute for what the record calls trouble when it ends, and for nothing else', async () => {
    const trouble = ['bad_reply'];
    for (const status of ['bad_reply', 'bounced']) {
      const { handle, signal, calls } = await start({ plan: { trouble: [] }, laterPlan: { status, trouble } });
      await expect.poll(() => calls).toEqual(['send mailgun']);
      await signal('failed');
      expect(await handle.result()).toBe(status);
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes.EmailStatus).toEqual(status === 'bad_reply' ? [status] : undefined);
    }
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

  it('stops at once when the record says that it is over', async () => {
    for (const status of ['failed', 'cancelled', 'suppressed', 'dead']) {
      const { handle, calls } = await start({ sends: [{ kind: 'ended', status }] });
      expect(await handle.result()).toBe(status);
      expect(calls).toEqual(['send mailgun']);
    }
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

  it('uploads beside the send, and does not end before the upload has', async () => {
    const { handle, signal, calls } = await start({ plan: { uploadPending: true, hasAttachment: true } });
    await signal('opened');
    await handle.result();
    expect(new Set(calls)).toEqual(new Set(['upload', 'send mailgun']));
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
          const laterPlan = { status: 'failed' };
          const { handle, signal, calls } = await start({ plan, laterPlan, sends, reconciliations, awaitings });
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
