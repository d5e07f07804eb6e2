import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { activityInfo } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { temporalTls } from '../../src/config.js';
import { WORKFLOW_TASK_TIMEOUT } from '../../src/dispatcher/start.js';
import { STICKY_TIMEOUT } from '../../src/worker/fleet.js';

/**
 * What Temporal costs by itself: starts workflows of the e-mail's shape, works them off with an activity that does
 * nothing, and signals them as webhooks would; with our time-outs, since each is a timer that the server runs off. Told
 * `{count}` by the bench, it answers when all signals are out.
 */
const { TEMPORAL_ADDRESS = '', TEMPORAL_NAMESPACE: namespace = 'default', IN_FLIGHT, OPEN_AFTER_MS } = process.env;
const inFlightLimit = Number(IN_FLIGHT);
const openAfterMs = Number(OPEN_AFTER_MS);

Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
const connection = await NativeConnection.connect({ address: TEMPORAL_ADDRESS, tls: tls() });
const { workflow } = new Client({ connection, namespace });
const done = new Map<string, () => void>();
const signals: Promise<void>[] = [];

/** By the same variables as a process of ours. */
function tls() {
  const { env } = process;
  return temporalTls({
    temporal: {
      ...{ address: TEMPORAL_ADDRESS, namespace, uiUrl: undefined, apiKey: undefined, workerBuildId: undefined },
      tls: {
        caFile: env.TEMPORAL_TLS_CA_FILE,
        certFile: env.TEMPORAL_TLS_CERT_FILE,
        keyFile: env.TEMPORAL_TLS_KEY_FILE,
        serverName: env.TEMPORAL_TLS_SERVER_NAME,
      },
    },
  });
}

const activities = {
  async send() {
    const workflowId = activityInfo().workflowExecution!.workflowId;
    done.get(workflowId)?.();
    done.delete(workflowId);
    signals.push(tell(workflowId));
  },
};

/** As the sandbox does: delivered at once, opened a little later. */
async function tell(workflowId: string): Promise<void> {
  const handle = workflow.getHandle(workflowId);
  await delay(5);
  await handle.signal('delivered');
  await delay(openAfterMs);
  await handle.signal('opened');
}

async function startOne(): Promise<void> {
  const workflowId = `bare-${randomUUID()}`;
  const sent = new Promise<void>((resolve) => done.set(workflowId, resolve));
  await workflow.start('bare', { workflowId, taskQueue: 'bare', workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT });
  await sent;
}

async function run(count: number): Promise<void> {
  let left = count;
  const work = async () => {
    while (left-- > 0) await startOne();
  };
  await Promise.all(Array.from({ length: inFlightLimit }, work));
  await Promise.all(signals.splice(0));
}

const workers = await Promise.all([
  Worker.create({
    connection,
    namespace,
    taskQueue: 'bare',
    workflowsPath: fileURLToPath(new URL('./bare-workflow.js', import.meta.url)),
    maxCachedWorkflows: 500,
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
  }),
  Worker.create({ connection, namespace, taskQueue: 'bare-send', activities }),
]);
for (const worker of workers) void worker.run();
process.on('message', ({ count }: { count: number }) => void run(count).then(() => process.send!('done')));
process.send!('ready');
