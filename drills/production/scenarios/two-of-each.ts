import { PROCESS_NAMES } from '../../../test/support/stack.js';
import type { Scenario } from '../scenario.js';
import { onSystem } from '../system.js';

/** One of each; the sandbox stands for the providers, which go on without us. */
const FIRST_OF_EACH = PROCESS_NAMES.filter((name) => name !== 'sandbox');

export const TWO_OF_EACH: Scenario = {
  name: 'two-of-each',
  tries: 'one machine of two that run Tempost is gone: the other one carries on',
  disasters: [
    onSystem('one-killed', 'one of each process is killed, and is back after 30 s', () => ({
      outageS: { full: 30, quick: 8 },
      criticalInTime: true,
      async breakAndHeal(world) {
        await world.killAll(FIRST_OF_EACH);
        await world.outage();
        await world.startAll(FIRST_OF_EACH);
      },
    })),
    onSystem('one-frozen', 'one of each process is frozen for 30 s (SIGSTOP), then wakes', () => ({
      outageS: { full: 30, quick: 8 },
      criticalInTime: true,
      async breakAndHeal(world) {
        const frozen = FIRST_OF_EACH.map((name) => world.stack.pidOf(name));
        for (const pid of frozen) process.kill(pid, 'SIGSTOP');
        try {
          await world.outage();
        } finally {
          for (const pid of frozen) process.kill(pid, 'SIGCONT');
        }
      },
    })),
  ],
};
