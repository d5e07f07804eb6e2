import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { askPermission } from '../../../src/domain/attempts/permission.js';
import { SHIPPED_STATUSES } from '../../../src/domain/emails/statuses.js';
import { type ClaimedEmail, dispatchBatch } from '../../../src/domain/queue/queue.js';
import { noticeLostNamespace } from '../../../src/domain/queue/rebuild.js';
import { beginRecovery, type TemporalState } from '../../../src/domain/recovery/recoveries.js';
import type { Provider } from '../../../src/providers/registry.js';
import type { KnownRecovery } from '../../../src/recovery/dependencies.js';
import { seekEvidence } from '../../../src/recovery/seek.js';
import { createFileStore } from '../../../src/storage/file-store.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { insertQueuedEmail, type QueuedEmailOptions } from '../emails.js';
import { scriptedNamespace, scriptWorkflows, start } from '../servers/scripted-workflows.js';
import { until } from '../until.js';

export const DOER = { source: 'cli' } as const;
const HOUR_MS = 60 * 60_000;
/** When the provider has taken what it has. */
export const TAKEN_AT = new Date('2030-01-31T09:00:00Z');

/** Anew for each test. */
export let database: TestDatabase;
export let directory: string;
/** Which e-mails the provider has, by the Message-ID's generation. */
export let taken: Map<string, { generation: number; attempt: number }>;
/** Whom the provider was asked about. */
export let asked: string[];
let isDown: boolean;
/** From now on the provider does not answer. */
export const takeProviderDown = () => {
  isDown = true;
};

/** A record that was restored, and what Temporal, a provider and the object store know beside it. */
export function restoreRecords(): void {
  scriptWorkflows();
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tempost-recovery-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    await database?.drop();
    database = await createTestDatabase();
    [taken, asked, isDown] = [new Map(), [], false];
  });
  afterAll(() => database?.drop());
}

const provider: Provider = {
  name: 'mailgun',
  send: () => Promise.reject(new Error('nothing is sent here')),
  probe: async () => undefined,
  log: {
    ...{ keptMs: 24 * HOUR_MS, lagMs: 0 },
    async readPage() {
      if (isDown) throw new Error('http_503');
      return { messages: [...taken.keys()].map((emailId) => ({ emailId, isRejected: false })), next: null };
    },
  },
  async lookUp(queries) {
    if (isDown) throw new Error('http_503');
    asked.push(...queries.map(({ emailId }) => emailId));
    return queries.map(({ emailId, generation }) => {
      const known = taken.get(emailId);
      if (known?.generation !== generation) return { kind: 'none' };
      return {
        kind: 'found',
        providerMessageId: `theirs of ${emailId}`,
        delivered: false,
        attempt: known.attempt,
        at: TAKEN_AT,
      };
    });
  },
};

export const email = (options: QueuedEmailOptions = {}) =>
  insertQueuedEmail(database.db, { priority: 'low', ...options });

export async function begin(temporal: TemporalState = 'intact'): Promise<KnownRecovery> {
  const { namespace, client } = scriptedNamespace();
  const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
  await noticeLostNamespace(database.db, namespace, namespaceInfo!.id!);
  const restored = { to: new Date(Date.now() - HOUR_MS), temporal };
  return (await beginRecovery(database.db, DOER, restored)).recovery as KnownRecovery;
}

export function seek(recovery: KnownRecovery, dryRun = false) {
  const { address, namespace, client } = scriptedNamespace();
  return seekEvidence(
    {
      db: database.db,
      catalogue: SHIPPED_STATUSES,
      config: { messageIdDomain: 'mail.example.com', temporal: { address, namespace } as never },
      providers: new Map([[provider.name, provider]]),
      store: createFileStore(directory),
      temporal: recovery.temporal === 'lost' ? null : client,
    },
    recovery,
    { dryRun },
  );
}

export async function verdictOf({ id }: KnownRecovery, emailId: string) {
  const row = await database.db
    .selectFrom('recovery_items')
    .select(['verdict', 'evidence', 'provider'])
    .where('recovery_id', '=', id)
    .where('email_id', '=', emailId)
    .executeTakeFirst();
  return row && [row.verdict, row.evidence, row.provider];
}

/** Who knows of an e-mail that the record lacks. */
export async function sourcesOf({ id }: KnownRecovery, emailId: string) {
  const row = await database.db
    .selectFrom('recovery_items')
    .select('sources')
    .where('recovery_id', '=', id)
    .where('email_id', '=', emailId)
    .executeTakeFirst();
  return row?.sources;
}

export const attemptsOf = (emailId: string) =>
  database.db
    .selectFrom('send_attempts')
    .select(['generation', 'attempt', 'provider', 'state', 'provider_message_id'])
    .where('email_id', '=', emailId)
    .orderBy('generation')
    .orderBy('attempt')
    .execute();

export const placeOf = async (emailId: string) =>
  (await database.db.selectFrom('email_queue').select('state').where('email_id', '=', emailId).executeTakeFirst())
    ?.state;

export async function permissionOf(emailId: string) {
  const { generation } = await database.db
    .selectFrom('emails')
    .select('generation')
    .where('id', '=', emailId)
    .executeTakeFirstOrThrow();
  const asking = { emailId, generation, provider: 'mailgun', dispatchedAtMs: Date.now() } as const;
  const limits = { callTimeoutMs: 5_000, lifetimeMs: HOUR_MS };
  const permission = await askPermission(database.db, { ...asking, ...limits }, SHIPPED_STATUSES);
  return permission.kind === 'not_admitted' ? permission.code : permission.kind;
}

/** What a dispatcher would start now. */
export async function dispatched(): Promise<string[]> {
  const started: string[] = [];
  const options = { limit: 100, providers: ['mailgun'] as const, checkAfterMs: 60_000 };
  const starting = async (emails: readonly ClaimedEmail[]) => {
    started.push(...emails.map(({ emailId }) => emailId));
    return emails.map(({ emailId }) => emailId);
  };
  while ((await dispatchBatch(database.db, 'low', options, starting)).more);
  return started.sort();
}

/** A workflow that Temporal has, and how far it has come. */
export async function run(emailId: string, script: Parameters<typeof start>[0], calls: number): Promise<void> {
  const running = await start(script, emailId);
  await until('its calls', () => running.calls.length >= calls);
  // Its answer is in the history once the workflow goes on.
  await until('their answers', async () => {
    const { events } = await running.handle.fetchHistory();
    const started = events!.filter((event) => event.activityTaskScheduledEventAttributes).length;
    const ended = events!.filter((event) => event.activityTaskCompletedEventAttributes).length;
    return started >= calls && ended >= calls;
  });
}

/** Has its workflow begin anew, as an operator of Temporal can, and waits until it has got an answer to a call again. */
export async function reset(emailId: string): Promise<void> {
  const { namespace, client } = scriptedNamespace();
  const handle = client.workflow.getHandle(`email-${emailId}`);
  const { events } = await handle.fetchHistory();
  const first = events!.find((event) => event.workflowTaskCompletedEventAttributes)!;
  const { runId } = await client.workflowService.resetWorkflowExecution({
    ...{ namespace, requestId: randomUUID(), reason: 'a test' },
    workflowExecution: { workflowId: handle.workflowId },
    workflowTaskFinishEventId: first.eventId,
  });
  const anew = client.workflow.getHandle(handle.workflowId, runId);
  await until('its answer', async () =>
    (await anew.fetchHistory()).events!.some((event) => event.activityTaskCompletedEventAttributes),
  );
  await until('both runs are listed', async () => {
    let runs = 0;
    for await (const _ of client.workflow.list({ query: `WorkflowId = "${handle.workflowId}"` })) runs++;
    return runs === 2;
  });
}

export const ACCEPTED = {};
export const AMBIGUOUS = {
  sends: [{ kind: 'ambiguous', code: 'timeout' }],
  reconciliations: [{ kind: 'wait', waitMs: HOUR_MS }],
} as const;
export const REFUSED = {
  plan: { providers: ['mailgun'], backoff: { initialMs: HOUR_MS, maxMs: HOUR_MS } },
  sends: [{ kind: 'refused', code: 'http_503', retryAfterMs: HOUR_MS }],
} as const;
