import type { Worker } from '@temporalio/worker';
import { Gauge, Registry } from 'prom-client';
import type { Priority } from '../priority.js';
import type { Sample } from '../process/metrics/server.js';
import type { FleetSize } from './fleet.js';

/** The two workers of a process: one for workflows and what touches the record and the store, one for calls. */
export interface FleetWorkers {
  readonly workflows: Worker;
  readonly sends: Worker;
}

/** What a worker process has places for, how many it has, and how many are taken. */
export function slotsOf({ workflows, sends }: FleetWorkers, size: FleetSize) {
  const ofWorkflows = workflows.getStatus();
  return {
    send: { used: sends.getStatus().numInFlightNonLocalActivities, slots: size.sendSlots },
    upload: { used: ofWorkflows.numInFlightNonLocalActivities, slots: size.uploadSlots },
    workflow: { used: ofWorkflows.numInFlightWorkflowActivations, slots: size.workflowSlots },
  };
}

/** The slots of this process and its cache, for Prometheus. */
export function sampleSlots(priority: Priority, workers: FleetWorkers, size: FleetSize): Sample {
  return async () => {
    const registry = new Registry();
    const gauge = (name: string, help: string, labelNames: string[]) =>
      new Gauge({ name, help, labelNames, registers: [registry] });
    const used = gauge('tempost_worker_slots_used', 'Tasks at work in this process, by kind', ['priority', 'kind']);
    const slots = gauge('tempost_worker_slots', 'Tasks that this process may have at work', ['priority', 'kind']);
    for (const [kind, slot] of Object.entries(slotsOf(workers, size))) {
      used.set({ priority, kind }, slot.used);
      slots.set({ priority, kind }, slot.slots);
    }
    gauge('tempost_worker_cached_workflows', 'Workflows in memory', ['priority']).set(
      { priority },
      workers.workflows.getStatus().numCachedWorkflows,
    );
    return registry.metrics();
  };
}
