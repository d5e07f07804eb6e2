import { lastDoers } from '../../domain/audit/listed.js';
import type { Target } from '../../domain/audit/targets.js';
import { beginJob, findJob, type Job, type JobTerms, MOST_ACTIVE_JOBS } from '../../domain/jobs/jobs.js';
import { Problem } from '../../http/problem.js';
import type { ApiDependencies } from '../dependencies.js';
import type { ApiContext } from '../routing/route.js';

/** Jobs as they are answered: with who began each. */
export async function withDoers(db: ApiDependencies['db'], jobs: readonly Job[]) {
  const ids = jobs.map(({ id }) => id);
  const doers = await lastDoers(db, 'job', ['job.begin'], ids);
  return jobs.map((job) => ({ ...job, who: doers.get(job.id) ?? null }));
}

/** @throws Problem 404 when there is none. */
export async function shown(db: ApiDependencies['db'], id: string) {
  const job = await findJob(db, id);
  if (!job) throw jobNotFound();
  return (await withDoers(db, [job]))[0]!;
}

/** Begins a job. @returns it as it is answered. @throws Problem 409 when too many go on. */
export async function begin(db: ApiDependencies['db'], ctx: ApiContext, terms: JobTerms) {
  const id = await beginJob(db, terms);
  if (!id) throw tooManyJobs();
  // Its row in the audit is written after this.
  const { clientName, keyName } = ctx.state.actor;
  return { ...(await shown(db, id)), who: keyName ? `${clientName}/${keyName}` : clientName };
}

/** For the audit of a route that begins one, or, in a dry run, none. */
export const begunTargets = (job: { readonly id: string } | null | undefined): readonly Target[] =>
  job ? [{ kind: 'job', id: job.id }] : [];

export const jobNotFound = () => new Problem(404, 'job_not_found', 'There is no such job.');

export const tooManyJobs = () =>
  new Problem(409, 'too_many_jobs', `${MOST_ACTIVE_JOBS} jobs are going on; stop one, or wait for its end.`);
