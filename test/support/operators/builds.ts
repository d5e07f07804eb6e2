import { heartbeatRow } from '../../../src/domain/fleets/heartbeats.js';
import { promote } from '../../../src/domain/fleets/routing.js';
import type { Db } from '../../../src/postgres/database.js';
import { PRIORITIES, type Priority } from '../../../src/priority.js';

/** Workers of a build say once that they run; undefined: workers without one. */
export async function runBuild(
  db: Db,
  buildId: string | undefined,
  priorities: readonly Priority[] = PRIORITIES,
): Promise<void> {
  for (const priority of priorities) {
    const row = heartbeatRow(db, { process: 'worker', priority, version: '1', buildId });
    await row.beat({ polling: true, slotsUsed: 0, slots: 1, lastTaskMsAgo: null });
  }
}

/** Three builds run; e-mails begin on 1.3.0, and began on 1.2.0 before. */
export async function runBuilds(db: Db): Promise<void> {
  for (const buildId of ['1.2.0', '1.3.0', '1.4.0']) await runBuild(db, buildId);
  await promote(db, '1.2.0', 'test');
  await promote(db, '1.3.0', 'test');
}

/** What operators ask of builds, by the operation's id, once the situation is there. */
export function buildRequests(db: () => Db) {
  const path = { build: '1.4.0' };
  const reason = 'test';
  const after = (asked: { readonly path?: typeof path; readonly body: object }) => async () => {
    await runBuilds(db());
    return asked;
  };
  return {
    promoteBuild: after({ path, body: { reason } }),
    rampBuild: after({ path, body: { percent: 5, reason } }),
    retireBuild: after({ path, body: { reason } }),
    rollBackBuild: after({ body: { reason } }),
    unsetBuild: async () => {
      await runBuild(db(), undefined);
      return { body: { reason } };
    },
  };
}
