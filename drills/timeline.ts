import type { World } from './world.js';

const SHOWN = 12;

/** The lives of some e-mails line by line: what the record holds and what the providers took. */
export async function timelines(world: World, emailIds: readonly string[]): Promise<string> {
  const calls = await world.stack.acceptance();
  const parts: string[] = [];
  for (const id of emailIds.slice(0, SHOWN)) {
    const [email] = await world.query('select priority, status, generation, created_at from emails where id = $1', [
      id,
    ]);
    const lines = [
      ...(await linesOf(world, `select occurred_at at, 'event' kind, * from email_events where email_id = $1`, id)),
      ...(await linesOf(world, `select started_at at, 'attempt' kind, * from send_attempts where email_id = $1`, id)),
      ...calls
        .filter((call) => call.email_id === id)
        .map((call) => `${call.accepted_at} TAKEN by ${call.provider}, attempt ${call.generation}.${call.attempt}`),
    ];
    const queue = await world.query('select * from email_queue where email_id = $1', [id]);
    parts.push([`${id} ${JSON.stringify(email)} queue ${JSON.stringify(queue)}`, ...lines.sort()].join('\n  '));
  }
  return `${parts.join('\n\n')}\n`;
}

async function linesOf(world: World, query: string, id: string): Promise<string[]> {
  const rows = await world.query<{ at: Date; kind: string; email_id: string }>(query, [id]);
  return rows.map(({ at, kind, email_id: _, ...rest }) => `${at.toISOString()} ${kind} ${JSON.stringify(rest)}`);
}
