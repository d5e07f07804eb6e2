import { listProcesses, type ProcessView } from '../../domain/fleets/heartbeats.js';
import type { Db } from '../../postgres/database.js';
import { PRIORITIES } from '../../priority.js';
import type { NewGauge } from './gauges.js';

const PROCESSES = ['api', 'webhooks', 'dispatcher', ...PRIORITIES.map((priority) => `worker-${priority}`)];
const STATES = ['well', 'not_polling', 'silent'] as const;

const nameOf = ({ process, priority }: ProcessView) => (priority === null ? process : `worker-${priority}`);

function stateOf({ silent, polling }: ProcessView): (typeof STATES)[number] {
  if (silent) return 'silent';
  return polling === false ? 'not_polling' : 'well';
}

/** What processes say of themselves in the record: who is frozen or cut off answers no scrape, and is seen here. */
export async function measureProcesses(gauge: NewGauge, db: Db): Promise<void> {
  const heard = gauge('tempost_processes', 'Processes by what they last said: silent ones ended without a goodbye', [
    'process',
    'state',
  ]);
  const all = await listProcesses(db);
  for (const process of PROCESSES) {
    for (const state of STATES) {
      const count = all.filter((each) => nameOf(each) === process && stateOf(each) === state).length;
      heard.set({ process, state }, count);
    }
  }
}
