import { performance } from 'node:perf_hooks';
import { Logger, run } from 'graphile-worker';
import { composeMessage } from '../../src/activities/message.js';
import { loadConfig } from '../../src/config.js';
import { recordOutcome } from '../../src/domain/attempts/outcomes.js';
import { askPermission } from '../../src/domain/attempts/permission.js';
import { loadStatuses } from '../../src/domain/emails/statuses.js';
import { openDatabase } from '../../src/postgres/database.js';
import { createLogger } from '../../src/process/log.js';
import { createProviders } from '../../src/providers/adapters.js';

/**
 * What a user would build instead: a queue on PostgreSQL whose jobs send. It writes the same rows by the same code and
 * makes the same call; what differs is who sees to it that the job is done.
 */
const config = loadConfig();
const logger = createLogger('peer-worker', config.logLevel);
const db = openDatabase({ ...config.database, name: 'peer-worker', logger });
const catalogue = await loadStatuses(db);
const providers = await createProviders(config);
const name = config.providers[0]!;

async function send({ email_id: emailId }: { email_id: string }): Promise<void> {
  const request = {
    emailId,
    generation: 1,
    provider: name,
    dispatchedAtMs: Date.now(),
    callTimeoutMs: config.callTimeoutMs.medium,
    lifetimeMs: config.lifetimeMs.medium,
  };
  const permission = await askPermission(db, request, catalogue);
  if (permission.kind !== 'granted') throw new Error(permission.kind);
  const id = { emailId, generation: 1, attempt: permission.attempt, provider: name };
  const message = composeMessage(config, permission.email, id, null);
  const leftMs = permission.abortAt - performance.now();
  const result = await providers.get(name)!.send(message, AbortSignal.timeout(Math.ceil(leftMs)));
  await recordOutcome(db, id, { result, lastOfRound: true, noted: permission.noted }, catalogue);
  if (result.kind !== 'accepted') throw new Error(result.kind);
}

await run({
  connectionString: config.database.url,
  concurrency: Number(process.env.IN_FLIGHT),
  maxPoolSize: config.database.poolSize,
  noHandleSignals: true,
  // A line a job, and one more: ours does not write so much either.
  logger: new Logger(() => () => {}),
  taskList: { send: (payload) => send(payload as { email_id: string }) },
});
process.send!('ready');
