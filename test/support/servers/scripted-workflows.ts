import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import type {
  Awaiting,
  DeliveryCheck,
  Plan,
  Reconciliation,
  RecordedEnd,
  SendOutcome,
  SendRequest,
} from '../../../src/activities/types.js';
import type { SignalKind } from '../../../src/postgres/schema.js';
import type { Priority } from '../../../src/priority.js';
import { createTestNamespace, type TestNamespace } from '../temporal.js';

const BUNDLE = fileURLToPath(new URL('../../../dist/workflow-bundle.js', import.meta.url));

let temporal: TestNamespace;
let connection: NativeConnection;
let workers: Worker[];
let running: Promise<void>[];

/** What the activities answer. */
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
  readonly news?: DeliveryCheck;
  /** What the record says at the end; without it, it knows no such e-mail. */
  readonly recordedEnd?: RecordedEnd;
  /** Called before each try. */
  readonly onSend?: (tries: number) => Promise<void>;
  /** Called before the record is read at the end. */
  readonly onReadEnd?: () => Promise<unknown>;
  /** Called before the attachment is uploaded. */
  readonly onUpload?: () => Promise<unknown>;
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
  endsAsRecorded: true,
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
    const { script, calls } = traces.get(emailId)!;
    calls.push('upload');
    await script.onUpload?.();
  },
  async readEnd(emailId: string): Promise<RecordedEnd | null> {
    const { script } = traces.get(emailId)!;
    await script.onReadEnd?.();
    return script.recordedEnd ?? null;
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
  async lookForNews({ emailId }: { emailId: string }): Promise<DeliveryCheck> {
    const { script, calls } = traces.get(emailId)!;
    calls.push('lookForNews');
    return script.news ?? 'quiet';
  },
};

/**
 * Runs the workflow on a real Temporal server, with a scripted record and scripted providers behind its activities: what it
 * does with each answer. That the real ones answer so is tested beside them, and end to end.
 */
export function scriptWorkflows(): void {
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    temporal = await createTestNamespace();
    connection = await NativeConnection.connect({ address: temporal.address });
    workers = await createFleet('low');
    running = workers.map((worker) => worker.run());
  });
  afterAll(async () => {
    for (const worker of workers ?? []) worker.shutdown();
    await Promise.all(running ?? []);
    await connection?.close();
    await temporal?.drop();
  });
}

/** The workers of a priority. */
function createFleet(priority: Priority): Promise<Worker[]> {
  const common = { connection, namespace: temporal.namespace };
  return Promise.all([
    Worker.create({ ...common, taskQueue: `send-${priority}`, activities: sendActivities }),
    Worker.create({
      ...common,
      taskQueue: `email-${priority}`,
      activities: recordActivities,
      workflowBundle: { codePath: BUNDLE },
    }),
  ]);
}

/** Runs workflows of another priority as well. @returns what stops that fleet. */
export async function startFleet(priority: Priority): Promise<() => Promise<void>> {
  const fleet = await createFleet(priority);
  const ended = fleet.map((worker) => worker.run());
  return async () => {
    for (const worker of fleet) worker.shutdown();
    await Promise.all(ended);
  };
}

/** The namespace that they run in. */
export const scriptedNamespace = (): TestNamespace => temporal;

/** Starts an e-mail's workflow. `calls`: the activities that it has called, in order. */
export async function start(script: Script, emailId: string = randomUUID(), priority: Priority = 'low') {
  const trace: Trace = { script, calls: [] };
  traces.set(emailId, trace);
  const handle = await temporal.client.workflow.start('email', {
    workflowId: `email-${emailId}`,
    taskQueue: `email-${priority}`,
    args: [{ emailId, priority }],
  });
  const signal = (kind: SignalKind | 'turn', ...seeRecord: [true?]) =>
    handle.signal('providerEvent', kind, ...seeRecord);
  return { handle, signal, calls: trace.calls };
}

/** A try that was refused for now. */
export const refused = (retryAfterMs?: number): SendOutcome => ({ kind: 'refused', code: 'http_503', retryAfterMs });
