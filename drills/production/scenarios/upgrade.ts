import { fileURLToPath } from 'node:url';
import { migrateAt } from '../../../test/support/servers/postgres.js';
import type { Release } from '../../drill.js';
import type { World } from '../../world.js';
import { programHere } from '../installs.js';
import type { Scenario } from '../scenario.js';
import { onSystem } from '../system.js';
import { type Haproxy, NOTICED_WITHIN_S, startHaproxy } from '../upgrade/haproxy.js';
import { releaseBefore } from '../upgrade/release.js';
import { everyProcessStarted, roll } from '../upgrade/roll.js';

/** This release, as it is built. */
const OURS = fileURLToPath(new URL('../../../dist', import.meta.url));

let before: Release;
let haproxy: string;

export const UPGRADE: Scenario = {
  name: 'upgrade',
  tries: 'two machines go from the last release to this one, back, and up again, under load',
  install(say) {
    haproxy = programHere('haproxy', 'haproxy');
    before = releaseBefore(say);
  },
  disasters: [
    onSystem(
      'there-and-back',
      'one machine after the other, three times, behind HAProxy; the schema goes up once',
      () => {
        const balancers: Haproxy[] = [];
        const notes: string[] = [];
        const troubles: string[] = [];
        const inRotation = async () => void (await Promise.all(balancers.map((balancer) => balancer.allUp())));
        const step = async (world: World, name: string, dist: string) => {
          world.say(`${name}: begins`);
          const failedBefore = balancers.flatMap(({ failed }) => failed).length;
          const tookS = await roll(world, dist, inRotation);
          const failed = balancers.flatMap((balancer) => balancer.failed).length - failedBefore;
          notes.push(`${name}: ${tookS} s, ${failed} requests without an answer of ours or with 500 and more`);
          world.say(notes.at(-1)!);
        };
        return {
          outageS: { full: 240, quick: 120 },
          mailUntilHealed: true,
          beginsWith: before,
          env: { DRAIN_S: String(2 * NOTICED_WITHIN_S) },
          async startBalancer(port, copies, name) {
            const balancer = await startHaproxy(haproxy, name, port, copies);
            balancers.push(balancer);
            return balancer;
          },
          onTrouble: (trouble) => void troubles.push(trouble),
          async breakAndHeal(world) {
            await everyProcessStarted(world);
            await inRotation();
            await migrateAt(world.databaseUrl);
            await step(world, `up from ${before.name}`, OURS);
            await step(world, `back to ${before.name}, on the new schema`, before.dist);
            await step(world, 'up again', OURS);
          },
          async check() {
            const failed = balancers.flatMap((balancer) => balancer.failed);
            const told = failed
              .slice(0, 5)
              .map(({ service, status, end, server }) => `${service} ${status} ${end} ${server}`);
            return [
              ...(troubles.length > 0
                ? [`${troubles.length} submissions refused at first, such as: ${troubles[0]}`]
                : []),
              ...(failed.length > 0 ? [`${failed.length} requests without an answer: ${told.join('; ')}`] : []),
            ];
          },
          notes: () => [...notes, `${balancers.reduce((sum, each) => sum + each.requests(), 0)} requests in all`],
        };
      },
    ),
  ],
};
