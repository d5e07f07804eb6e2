import { Client, Connection } from '@temporalio/client';
import { workflowIdOf } from '../src/temporal/names.js';
import type { World } from './world.js';

/** An e-mail's history stays short whatever the providers do: an undisturbed one has 22 to 30 events. */
const MOST_EVENTS = 59;

/** @returns what is too long, for a drill's `check`. */
export async function longHistories(world: World): Promise<string[]> {
  const connection = await Connection.connect({ address: world.temporalAddress });
  try {
    const client = new Client({ connection });
    const emails = await world.query<{ id: string }>('select id from emails');
    const lengths: number[] = [];
    for (const { id } of emails) {
      lengths.push((await client.workflow.getHandle(workflowIdOf(id)).describe()).historyLength);
    }
    const longest = Math.max(...lengths);
    world.say(`the longest history has ${longest} events`);
    const long = lengths.filter((length) => length > MOST_EVENTS).length;
    return long > 0 ? [`${long} histories of more than ${MOST_EVENTS} events, the longest of ${longest}`] : [];
  } finally {
    await connection.close();
  }
}
