import type { World } from './world.js';

const SHOWN = 12;

/** The lives of some e-mails line by line: what the record holds and what the providers took. */
export async function timelines(world: World, emailIds: readonly string[]): Promise<string> {
  const calls = await world.stack.acceptance();
  const parts: string[] = [];
  for (const id of emailIds.slice(0, SHOWN)) {
    const [email] = await world.query(
      'select priority, status, generation, created_at, dispatched_at from emails where id = $1',
      [id],
    );
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

/** One line an e-mail, in the order of acceptance: when it was accepted, dispatched, first called for, and taken. */
export async function handOvers(world: World): Promise<string> {
  const taken = new Map<string, string[]>();
  for (const call of await world.stack.acceptance()) {
    const times = taken.get(call.email_id) ?? [];
    taken.set(call.email_id, [...times, `${call.accepted_at}/${call.provider}`]);
  }
  const rows = await world.query<{ id: string; priority: string; status: string } & Record<string, Date | null>>(`
    select id, priority, status, created_at, dispatched_at,
      (select min(started_at) from send_attempts t where t.email_id = e.id) as called_at
    from emails e order by created_at`);
  const time = (at: Date | null | undefined) => at?.toISOString() ?? '-';
  const lines = rows.map(({ id, priority, status, created_at, dispatched_at, called_at }) =>
    [id, priority, status, ...[created_at, dispatched_at, called_at].map(time), ...(taken.get(id) ?? [])].join(','),
  );
  return `${['id,priority,status,accepted,dispatched,called,taken', ...lines].join('\n')}\n`;
}
