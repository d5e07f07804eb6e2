import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { ServiceLevels as Answered } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { Chart } from '../../ui/chart.js';
import { count, Numbers, percent } from '../../ui/numbers.js';
import { Pill } from '../../ui/pill.js';
import { PRIORITIES } from '../../ui/priorities.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { duration, Time } from '../../ui/time.js';
import { ByClient } from './by-client.js';
import { beginOf, SPANS, type Span } from './spans.js';

/** How many e-mails were in time, held against what was promised. */
export function ServiceLevels() {
  const [span, setSpan] = useState<Span>('day');
  const may = useMay();
  const query = useQuery({
    queryKey: ['service-levels', span],
    queryFn: ({ signal }) => call('getServiceLevels', { query: { from: beginOf(span), by: SPANS[span].by } }, signal),
    refetchInterval: 30_000,
  });
  return (
    <>
      <PageHead title="Service levels" about="E-mails count in the hour of their first deadline, each of them once.">
        {Object.entries(SPANS).map(([each, { name }]) => (
          <button
            key={each}
            type="button"
            className="button is-small"
            aria-pressed={each === span}
            onClick={() => setSpan(each as Span)}
          >
            {name}
          </button>
        ))}
      </PageHead>
      <Answer of={query}>
        {(levels) => (
          <div className="stack">
            <div className="grid-3">
              {PRIORITIES.map((priority) => (
                <Total key={priority} levels={levels} priority={priority} />
              ))}
            </div>
            <Course levels={levels} />
            <Latest levels={levels} />
            {may('listClients') && <ByClient span={span} />}
          </div>
        )}
      </Answer>
    </>
  );
}

interface TotalProps {
  readonly levels: Answered;
  readonly priority: (typeof PRIORITIES)[number];
}

/** One priority: attainment beside its objective, and what is left of the error budget. */
function Total({ levels, priority }: TotalProps) {
  const total = levels.totals.find((each) => each.priority === priority);
  const isKept = !total || total.attainment_percent === null || total.attainment_percent >= levels.target_percent;
  const missed = total ? total.late + total.dead : 0;
  return (
    <Card
      title={
        <span className={`priority-name is-${priority}`}>
          <span>{priority}</span>
        </span>
      }
      aside={
        total && total.measured > 0 ? (
          <Pill tone={isKept ? 'good' : 'bad'}>{isKept ? 'Kept' : 'Missed'}</Pill>
        ) : (
          <Pill>No e-mails</Pill>
        )
      }
    >
      <div className="headline">
        <b>{total ? percent(total.in_time, total.measured) : '–'}</b>
        <span className="soft">in time, {levels.target_percent} % wanted</span>
      </div>
      <Numbers
        of={[
          ['In time', count(total?.in_time ?? 0)],
          ['Late or dead', count(missed), missed > 0 ? 'bad' : undefined],
          [
            'Budget left',
            total ? `${count(total.budget_left)} of ${count(total.budget)}` : '–',
            total && total.budget_left < 0 ? 'bad' : undefined,
          ],
          ['Late by pauses', count(total?.late_by_pause ?? 0)],
          ['Refused for good', count(total?.failed ?? 0)],
          ['Still to come', count(total?.pending ?? 0)],
        ]}
      />
    </Card>
  );
}

/** Where the axis may begin: the highest that all of it is above, since a tenth of a percent is what matters here. */
const AXES = [99, 95, 90, 50] as const;

function Course({ levels }: { readonly levels: Answered }) {
  const moments = [...new Set(levels.periods.map(({ from }) => from))].sort();
  if (moments.length === 0) return <Empty title="No e-mail had its deadline in this time." />;
  const valueAt = (priority: string, from: string) =>
    levels.periods.find((period) => period.priority === priority && period.from === from)?.attainment_percent ?? null;
  const lowest = Math.min(...levels.periods.map(({ attainment_percent }) => attainment_percent ?? 100));
  return (
    <Card title="In time, over time">
      <Chart
        label="Percent in time by priority"
        times={moments.map((at) => new Date(at).getTime() / 1_000)}
        format={(value) => `${Math.round(value * 100) / 100} %`}
        highest={100}
        lowest={AXES.find((begin) => begin < lowest) ?? 0}
        lines={PRIORITIES.map((priority) => ({
          name: priority,
          colour: priority,
          values: moments.map((at) => valueAt(priority, at)),
        }))}
      />
    </Card>
  );
}

type Late = Answered['latest'][number];

const LATEST: readonly Column<Late>[] = [
  {
    name: 'E-mail',
    cell: ({ id }) => (
      <Link className="mono" href={`/emails/${id}`}>
        {id}
      </Link>
    ),
  },
  { name: 'Priority', cell: ({ priority }) => priority },
  { name: 'Late by', end: true, cell: ({ late_s }) => <span className="nowrap">{duration(late_s)}</span> },
  {
    name: 'State',
    cell: ({ waiting, late_by_pause }) => (
      <>
        {waiting ? <Pill tone="warn">still waiting</Pill> : <Pill>handed over</Pill>}{' '}
        {late_by_pause && <Pill tone="info">by a pause</Pill>}
      </>
    ),
  },
];

function Latest({ levels }: { readonly levels: Answered }) {
  return (
    <Card
      title="The latest"
      aside={
        <span className="small soft">
          As of <Time at={levels.as_of} />
        </span>
      }
    >
      {levels.latest.length === 0 ? (
        <Empty title="None was late." />
      ) : (
        <Table label="The latest e-mails" columns={LATEST} rows={levels.latest} keyOf={({ id }) => id} />
      )}
    </Card>
  );
}
