import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Job, JobItem } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { count, Numbers } from '../../ui/numbers.js';
import { Answer } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';
import { JobPill, nameOf } from './jobs.js';

const isGoingOn = ({ state }: Job) => state === 'planning' || state === 'running';
const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, each) => sum + each, 0);

/** One job: how far it is, what could not be done, and its switch. */
export function JobScreen({ id }: { readonly id: string }) {
  const query = useQuery({
    queryKey: ['jobs', id],
    queryFn: ({ signal }) => call('getJob', { params: { id } }, signal),
    refetchInterval: ({ state }) => (state.data && !isGoingOn(state.data) ? 10_000 : 1_000),
  });
  return <Answer of={query}>{(job) => <Shown job={job} />}</Answer>;
}

function Shown({ job }: { readonly job: Job }) {
  const may = useMay();
  const [isSwitching, setSwitching] = useState(false);
  const canStop = isGoingOn(job) && may('stopJob');
  const canResume = job.state === 'stopped' && may('resumeJob');
  return (
    <>
      <PageHead
        title={<span className="job-name">{nameOf(job)}</span>}
        about={
          <>
            <JobPill state={job.state} /> {job.reason}
          </>
        }
      >
        {(canStop || canResume) && (
          <button type="button" className="button" onClick={() => setSwitching(true)}>
            {canStop ? 'Stop…' : 'Resume…'}
          </button>
        )}
      </PageHead>
      <div className="stack">
        <Progress job={job} />
        <Troubles job={job} />
      </div>
      {isSwitching && <SwitchDialog job={job} close={() => setSwitching(false)} />}
    </>
  );
}

function Progress({ job }: { readonly job: Job }) {
  const { counts, matched } = job;
  const [skipped, failed] = [sumOf(counts.skipped), sumOf(counts.failed)];
  const over = counts.done + skipped + failed;
  const part = matched === 0 ? 0 : (over / matched) * 100;
  return (
    <Card
      title={`${count(over)} of ${count(matched)}`}
      aside={
        <span className="small soft">
          Begun at <Time at={job.created_at} /> by {job.who ?? 'somebody'}
          {job.ended_at && (
            <>
              , ended at <Time at={job.ended_at} />
            </>
          )}
        </span>
      }
    >
      <div className="stack">
        <progress
          className="visually-hidden"
          value={over}
          max={Math.max(1, matched)}
          aria-label="Progress of the job"
        />
        <div className="meter" aria-hidden="true">
          <div style={{ width: `${part}%` }} />
        </div>
        <Numbers
          of={[
            ['Done', count(counts.done), 'good'],
            ['Skipped', count(skipped)],
            ['Failed', count(failed), failed > 0 ? 'bad' : undefined],
            ['To be done', count(counts.pending)],
            ['A second, at most', count(job.rate_per_s)],
          ]}
        />
        <details>
          <summary className="small">What it was begun with</summary>
          <pre className="raw">{JSON.stringify(job.parameters, null, 2)}</pre>
        </details>
      </div>
    </Card>
  );
}

const ITEMS: readonly Column<JobItem>[] = [
  {
    name: 'E-mail',
    cell: ({ target }) => (
      <Link className="mono" href={`/emails/${target}`}>
        {target}
      </Link>
    ),
  },
  { name: 'What', cell: ({ state }) => state },
  { name: 'Why', cell: ({ code }) => code ?? <span className="soft">–</span> },
];

/** Those that could not be done, or for which there was nothing to be done any more: the first of each. */
function Troubles({ job }: { readonly job: Job }) {
  const { skipped, failed } = job.counts;
  const query = useQuery({
    queryKey: ['jobs', job.id, 'troubles', sumOf(skipped), sumOf(failed)],
    queryFn: async ({ signal }) => {
      const pages = await Promise.all(
        (['failed', 'skipped'] as const).map((state) =>
          call('listJobItems', { params: { id: job.id }, query: { state, limit: 50 } }, signal),
        ),
      );
      return pages.flatMap(({ items }) => items);
    },
    enabled: sumOf(skipped) + sumOf(failed) > 0,
  });
  if (!query.data || query.data.length === 0) return null;
  return (
    <Card title="Not done">
      <Table label="Not done" columns={ITEMS} rows={query.data} keyOf={({ number }) => String(number)} />
    </Card>
  );
}

function SwitchDialog({ job, close }: { readonly job: Job; readonly close: () => void }) {
  const stops = isGoingOn(job);
  const { id } = job;
  return (
    <ActDialog
      title={stops ? 'Stop this job' : 'Go on with this job'}
      touches={
        stops
          ? `${count(job.counts.pending)} are still to be done, and are left as they are. What was done stays done. The job can go on later.`
          : `${count(job.counts.pending)} are still to be done.`
      }
      verb={stops ? 'Stop' : 'Resume'}
      asksWhy
      act={(form) =>
        call(stops ? 'stopJob' : 'resumeJob', { params: { id }, body: { reason: textOf(form, 'reason') } })
      }
      done={stops ? 'Stopped.' : 'It goes on.'}
      close={close}
    />
  );
}
