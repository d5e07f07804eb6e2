import { setTimeout as delay } from 'node:timers/promises';
import { type PerPriority, PRIORITIES, type Priority, perPriority } from '../src/priority.js';
import type { World } from './world.js';

/** Clocks are read at different moments of one call: whoever is so near to its deadline may be on either side. */
const SAME_MS = 1_000;
const HOUR_MS = 3_600_000;
const PATIENCE_MS = 15_000;

/** An e-mail by both clocks, in milliseconds since 1970. */
export interface Clocked {
  readonly priority: Priority;
  readonly deadlineMs: number;
  /** When a provider first took it, by the provider's own log; null: none did. */
  readonly takenMs: number | null;
  /** Since when the record knows that; null: it does not. */
  readonly recordedMs: number | null;
}

/** What `GET /api/admin/service-levels` says of one priority. */
export interface Told {
  readonly priority: Priority;
  readonly in_time: number;
  readonly late: number;
  readonly late_by_pause: number;
  readonly dead: number;
  readonly failed: number;
  readonly suppressed: number;
  readonly cancelled: number;
  readonly pending: number;
}

/** Attainment of one priority by both clocks, in e-mails. */
export interface Attained {
  readonly emails: number;
  /** A provider took them by their deadline, as its log says. */
  readonly inTime: number;
  /** The same, as the product says. */
  readonly inTimeTold: number;
  /** Those whose deadline passed between the one clock and the other: either may be right. */
  readonly border: number;
}

/**
 * Whether an e-mail may count either way: its deadline lies within a second of when it was taken, or between that and
 * when the record learnt of it. A provider's answer that PostgreSQL could not take for a while is recorded late.
 */
function isAtBorder({ deadlineMs, takenMs, recordedMs }: Clocked): boolean {
  if (takenMs === null) return false;
  const knownMs = recordedMs ?? Number.POSITIVE_INFINITY;
  return Math.min(takenMs, knownMs) - SAME_MS <= deadlineMs && deadlineMs <= Math.max(takenMs, knownMs) + SAME_MS;
}

/**
 * Compares what the product tells of its service levels with the drill's own clock.
 *
 * @returns both, and every disagreement that e-mails at the border cannot explain, a sentence each.
 */
export function compare(
  emails: readonly Clocked[],
  told: readonly Told[],
): { readonly attained: PerPriority<Attained>; readonly broken: string[] } {
  const broken: string[] = [];
  const attained = perPriority((priority): Attained => {
    const own = emails.filter((email) => email.priority === priority);
    const theirs = told.find((each) => each.priority === priority);
    if (!theirs) throw new Error(`no service level of ${priority} is told`);
    const isInTime = ({ takenMs, deadlineMs }: Clocked) => takenMs !== null && takenMs <= deadlineMs;
    const { priority: _, in_time, late, late_by_pause, dead, failed, suppressed, cancelled, pending } = theirs;
    const counted = in_time + late + late_by_pause + dead + failed + suppressed + cancelled + pending;
    const inTime = own.filter(isInTime).length;
    const border = own.filter(isAtBorder).length;
    if (counted !== own.length) broken.push(`${priority}: ${counted} e-mails in the service levels, not ${own.length}`);
    if (Math.abs(in_time - inTime) > border) {
      broken.push(
        `${priority}: ${in_time} in time by the service levels, ${inTime} by the clock, ${border} at the border`,
      );
    }
    return { emails: own.length, inTime, inTimeTold: in_time, border };
  });
  return { attained, broken };
}

/** One line for people: in time by the product's own numbers, and by the clock. */
export const attainmentLine = (attained: PerPriority<Attained>): string =>
  PRIORITIES.map((priority) => {
    const { emails, inTime, inTimeTold, border } = attained[priority];
    const percent = emails === 0 ? '-' : `${Math.floor((1000 * inTimeTold) / emails) / 10} %`;
    const near = border === 0 ? '' : `, ${border} at the border`;
    return `${priority} ${inTimeTold} of ${emails} (${percent}; by the clock ${inTime}${near})`;
  }).join('; ');

/** Reads both clocks of a drill that is over, and compares them. */
export async function readAttainment(world: World) {
  return compare(await readClocks(world), await readTold(world));
}

async function readClocks(world: World): Promise<Clocked[]> {
  const takenMs = new Map<string, number>();
  for (const { email_id, accepted_at } of await world.stack.acceptance()) {
    const at = Date.parse(accepted_at);
    takenMs.set(email_id, Math.min(at, takenMs.get(email_id) ?? at));
  }
  const rows = await world.query<{ id: string; priority: Priority; deadline: Date; recorded: Date | null }>(
    `select id, priority, coalesce(first_deadline_at, deadline_at) as deadline,
      coalesce(first_sent_at, sent_at) as recorded from emails`,
  );
  return rows.map(({ id, priority, deadline, recorded }) => ({
    priority,
    deadlineMs: deadline.getTime(),
    takenMs: takenMs.get(id) ?? null,
    recordedMs: recorded?.getTime() ?? null,
  }));
}

/** An api that has just come back may need a moment. */
async function readTold({ stack }: World): Promise<Told[]> {
  const hours = (n: number) => new Date(Date.now() + n * HOUR_MS).toISOString();
  const url = `${stack.api}/api/admin/service-levels?from=${hours(-10)}&to=${hours(2)}`;
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${stack.key}` } });
      if (answer.ok) return ((await answer.json()) as { totals: Told[] }).totals;
      throw new Error(`service levels: ${answer.status} ${await answer.text()}`);
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await delay(500);
    }
  }
}
