import type { Priority } from '../../priority.js';
import type { SeededClients } from './clients.js';
import { LIVES, type Life } from './lives.js';
import type { Chance } from './random.js';
import { Story } from './story.js';

const HOUR_MS = 3_600_000;
/** E-mails in work have been accepted just now, but long enough ago for what is told of them. */
const IN_WORK_SINCE_MS = 5 * 60_000;
/** The volumes of a day: 10 thousand, 200 thousand, 1 million. */
const SHARES: readonly [Priority, number][] = [
  ['critical', 10 / 1_210],
  ['medium', 210 / 1_210],
  ['low', 1],
];

export interface SeedPlan {
  readonly count: number;
  /** The e-mails are of so many past days. */
  readonly days: number;
  /** Whether there may be e-mails that a running system then sends. */
  readonly inWork: boolean;
  readonly now: Date;
  readonly clients: SeededClients;
}

/** How many e-mails have which life: in their shares, but each life at least once, as far as there are e-mails. */
export function planLives({ count, inWork }: Pick<SeedPlan, 'count' | 'inWork'>): [Life, number][] {
  const lives = LIVES.filter((life) => inWork || !life.inWork);
  const planned = lives.map((life): [Life, number] => [
    life,
    Math.min(life.most ?? count, Math.max(1, Math.round(life.share * count))),
  ]);
  const all = planned.reduce((sum, [, times]) => sum + times, 0);
  // The most frequent life takes what rounding has left over, or pays for it.
  const usual = planned[0] as [Life, number];
  usual[1] = Math.max(0, usual[1] + count - all);
  let left = count;
  return planned.map(([life, times]) => {
    const told = Math.min(times, left);
    left -= told;
    return [life, told];
  });
}

/** Tells one e-mail's whole life; all of it lies in the past, unless it is in work. */
export function tell(life: Life, chance: Chance, plan: SeedPlan): Story {
  const priority = priorityOf(chance);
  const client = chance.of(plan.clients[priority]);
  let createdAt = life.inWork ? new Date(plan.now.getTime() - IN_WORK_SINCE_MS) : acceptedAt(chance, priority, plan);
  for (;;) {
    const story = new Story({ chance, client, priority, createdAt });
    life.tell(story);
    const beyondMs = story.at.getTime() - plan.now.getTime();
    if (life.inWork || beyondMs <= 0) return story;
    createdAt = new Date(createdAt.getTime() - beyondMs - 60_000);
  }
}

function priorityOf(chance: Chance): Priority {
  const at = chance.next();
  return SHARES.find(([, upTo]) => at < upTo)?.[0] ?? 'low';
}

/** Medium mail comes in working hours (UTC) for the most part, bulk on the hour, critical mail whenever somebody is up. */
function acceptedAt(chance: Chance, priority: Priority, { days, now }: SeedPlan): Date {
  for (;;) {
    const at = new Date(now.getTime() - 60_000 - Math.floor(chance.next() * days * 24 * HOUR_MS));
    const hour = at.getUTCHours();
    const busy = priority === 'medium' ? hour >= 8 && hour < 18 : hour >= 6 && hour < 23;
    if (!busy && !chance.happens(0.15)) continue;
    if (priority === 'low') at.setUTCMinutes(Math.floor(at.getUTCMinutes() / 4));
    return at;
  }
}
