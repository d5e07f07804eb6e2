import { PROVIDER_NAMES } from '../../config.js';
import { lastDoers } from '../../domain/audit/listed.js';
import { listProcesses } from '../../domain/fleets/heartbeats.js';
import { inOrder } from '../../domain/samples/flow.js';
import { createMeasure, type MeasureOptions } from '../../domain/samples/measure.js';
import { readCounters } from '../../postgres/counters.js';
import { PRIORITIES } from '../../priority.js';
import { holdsOf } from '../holds/listed.js';

/** How it stands, with who did what. */
export type LiveSample = Awaited<ReturnType<ReturnType<typeof createLook>>>;

/** The overview, and how mail flows. */
export function createLook({ db, deadlineMs, providers }: MeasureOptions) {
  const measure = createMeasure({ db, deadlineMs, providers });
  return async () => {
    const { at, queues, providers: views, flow, calls, ...leftovers } = await measure();
    const paused = await lastDoers(db, 'queue', ['queue.pause'], PRIORITIES);
    const switched = await lastDoers(db, 'provider', ['provider.switch'], PROVIDER_NAMES);
    return {
      as_of: at,
      queues: queues.map(({ pauses, ...queue }) => ({
        ...queue,
        pauses: pauses.map((pause) => ({
          ...pause,
          who: pause.by === 'tempost' ? (paused.get(queue.priority) ?? null) : null,
        })),
      })),
      providers: views.map((view) => ({ ...view, changed_by: switched.get(view.provider) ?? null })),
      ...(await holdsOf({ db })),
      processes: await listProcesses(db),
      ...leftovers,
      counters: await readCounters(db),
      flow: inOrder(flow),
      calls,
    };
  };
}
