import { listBuilds } from '../../domain/fleets/builds.js';
import type { Db } from '../../postgres/database.js';
import { PRIORITIES } from '../../priority.js';
import type { NewGauge } from './gauges.js';

/** The builds of the workers; nothing while none has one. */
export async function measureBuilds(gauge: NewGauge, db: Db): Promise<void> {
  const labels = ['build', 'priority'];
  const share = gauge('tempost_worker_build_share_ratio', 'How much of what begins now a build gets', ['build']);
  const pinned = gauge('tempost_worker_build_pinned_emails', 'E-mails under way that stay with a build', labels);
  const workers = gauge('tempost_worker_build_workers', 'Workers of a build that ask for tasks', labels);
  const missing = gauge(
    'tempost_worker_build_missing',
    '1 while e-mails begin on a build or stay with it, and no worker of it runs: they wait for one',
    labels,
  );
  for (const { build_id, ...view } of await listBuilds(db)) {
    const build = build_id ?? 'none';
    share.set({ build }, view.share / 100);
    for (const priority of PRIORITIES) {
      pinned.set({ build, priority }, view.pinned[priority]);
      workers.set({ build, priority }, view.workers[priority]);
      missing.set({ build, priority }, view.missing.includes(priority) ? 1 : 0);
    }
  }
}
