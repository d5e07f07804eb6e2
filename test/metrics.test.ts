import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MetricsPorts, metricsPorts } from './support/monitoring/metrics-ports.js';
import { patient } from './support/patience.js';
import type { ProcessName } from './support/stack.js';
import { startTestSystem, type TestSystem } from './support/system.js';
import { until } from './support/until.js';

let ports: MetricsPorts;
let system: TestSystem;
beforeAll(async () => {
  ports = await metricsPorts();
  system = await startTestSystem({ envOf: ports.envOf });
}, patient(60_000));
afterAll(() => system?.drop());

async function scrape(name: ProcessName): Promise<string> {
  const answer = await ports.ask(name, '/metrics');
  return answer?.ok ? answer.text() : '';
}

const tells = (name: ProcessName, sample: RegExp) =>
  until(`${name} tells ${sample}`, async () => sample.test(await scrape(name)), 30_000);

it(
  'an e-mail is counted in every process that it passes, by us and by Temporal’s SDK, and promtool finds no fault',
  async () => {
    const { stack } = system;
    const id = await stack.submit({ priority: 'critical' });
    await stack.isDelivered(id);
    await tells('api', /^tempost_submissions_total\{.*outcome="accepted"\} 1$/m);
    await tells('dispatcher', /^tempost_service_level_emails_total\{priority="critical",outcome="in_time"\} \d+$/m);
    await tells('dispatcher', /^temporal_request_total\{.*operation="StartWorkflowExecution".*\} [1-9]/m);
    await tells('webhooks', /^tempost_webhook_events_total\{.*outcome="matched"\} [1-9]/m);
    await tells('webhooks', /^temporal_request_total\{/m);
    await tells('worker-critical', /^tempost_handover_duration_seconds_count\{priority="critical"\} 1$/m);
    await tells('worker-critical', /^tempost_worker_slots\{priority="critical",kind="send"\} 50$/m);
    await tells('worker-critical', /^tempost_worker_slots_used\{priority="critical",kind="workflow"\} \d+$/m);
    await tells('worker-critical', /^tempost_worker_cached_workflows\{priority="critical"\} 1$/m);
    await tells('worker-critical', /^temporal_workflow_task_execution_latency_seconds_count\{.*\} [1-9]/m);
    await tells('worker-low', /^temporal_worker_task_slots_available\{.*\} \d+$/m);

    // Nobody's address, subject or e-mail is a label.
    for (const name of ['api', 'webhooks', 'dispatcher', 'worker-critical', 'worker-medium', 'worker-low'] as const) {
      const text = await scrape(name);
      expect(text).toMatch(/^tempost_build_info\{/m);
      expect(text).not.toContain(id);
      expect(text).not.toMatch(/example\.(com|org)/);
      if (spawnSync('promtool', ['--version']).status !== 0) continue;
      const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
      expect(`${stdout}${stderr}`, name).toBe('');
    }
  },
  patient(120_000),
);

it(
  'a call under way takes a slot, and gives it back',
  async () => {
    await system.stack.setFaults({ mailgun: { latencyMs: { min: 12_000, max: 12_000 } } });
    await system.stack.submit({ priority: 'low' });
    await tells('worker-low', /^tempost_worker_slots_used\{priority="low",kind="send"\} 1$/m);
    await system.stack.setFaults({});
    await tells('worker-low', /^tempost_worker_slots_used\{priority="low",kind="send"\} 0$/m);
  },
  patient(120_000),
);
