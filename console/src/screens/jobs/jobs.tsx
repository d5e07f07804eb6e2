import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { Job } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { count } from '../../ui/numbers.js';
import { Pill, type Tone } from '../../ui/pill.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';
import { BeginJob } from './begin.js';

const TONES: Readonly<Record<string, Tone>> = {
  planning: 'info',
  running: 'info',
  stopped: 'warn',
  done: 'good',
  failed: 'bad',
};

/** What a job does, as one says it. */
export const nameOf = ({ kind }: Pick<Job, 'kind'>) => kind.replace('_', ' ');

export const JobPill = ({ state }: Pick<Job, 'state'>) => <Pill tone={TONES[state] ?? 'plain'}>{state}</Pill>;

const COLUMNS: readonly Column<Job>[] = [
  {
    name: 'What',
    cell: (job) => (
      <Link className="row-link" href={`/jobs/${job.id}`}>
        {nameOf(job)}
      </Link>
    ),
  },
  { name: 'State', cell: ({ state }) => <JobPill state={state} /> },
  { name: 'Done', end: true, cell: ({ counts, matched }) => `${count(counts.done)} of ${count(matched)}` },
  { name: 'Why', cell: ({ reason }) => reason },
  { name: 'By', cell: ({ who }) => who ?? <span className="soft">–</span> },
  { name: 'Begun', cell: ({ created_at }) => <Time at={created_at} /> },
];

/** What operators have done to many e-mails at once. */
export function Jobs() {
  const may = useMay();
  const query = useInfiniteQuery({
    queryKey: ['jobs', 'list'],
    queryFn: ({ pageParam, signal }) => call('listJobs', { query: { limit: 50, cursor: pageParam } }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: 3_000,
  });
  return (
    <>
      <PageHead
        title="Jobs"
        about="Many e-mails retried, cancelled or rerouted in the background: each once, whatever is killed meanwhile."
      />
      <div className="stack">
        <Card title="The newest first">
          <Answer of={query}>
            {({ pages }) => {
              const jobs = pages.flatMap((page) => page.jobs);
              if (jobs.length === 0) return <Empty title="There was none in the last 90 days." />;
              return <Table label="Jobs" columns={COLUMNS} rows={jobs} keyOf={({ id }) => id} />;
            }}
          </Answer>
        </Card>
        {may('beginJob') && <BeginJob />}
      </div>
    </>
  );
}
