import { useState } from 'react';
import { Card } from '../../ui/card.js';
import { count } from '../../ui/numbers.js';
import { Pill } from '../../ui/pill.js';
import { type Column, Table } from '../../ui/table.js';
import { duration, Since } from '../../ui/time.js';
import { type Fleet, fleetsOf, type Process } from './fleets.js';

const FLEETS: readonly Column<Fleet>[] = [
  { name: 'Fleet', cell: ({ name }) => <span className="strong">{name}</span> },
  { name: 'State', cell: ({ tone, state }) => <Pill tone={tone}>{state}</Pill> },
  { name: 'Processes', end: true, cell: ({ heard }) => count(heard.length) },
  { name: 'Calls under way', end: true, cell: ({ calls }) => <Calls calls={calls} /> },
  { name: 'Version', cell: ({ versions }) => versions.join(', ') || <span className="soft">–</span> },
  { name: 'Last heard', end: true, cell: ({ processes }) => <Heard processes={processes} /> },
];

const PROCESSES: readonly Column<Process>[] = [
  {
    name: 'Process',
    cell: ({ process, priority }) => <span className="strong">{priority ? `${process}, ${priority}` : process}</span>,
  },
  { name: 'State', cell: (process) => <ProcessPill process={process} /> },
  { name: 'Where', cell: ({ host, pid }) => `${host}, pid ${pid}` },
  {
    name: 'Calls under way',
    end: true,
    cell: ({ slots_used, slots }) => (
      <Calls calls={slots === null ? undefined : { used: slots_used ?? 0, most: slots }} />
    ),
  },
  { name: 'Version', cell: ({ version }) => version },
  { name: 'Running for', end: true, cell: ({ started_at }) => <Since at={started_at} /> },
  {
    name: 'Last task',
    end: true,
    cell: ({ last_task_at }) =>
      last_task_at ? (
        <>
          <Since at={last_task_at} /> ago
        </>
      ) : (
        <span className="soft">–</span>
      ),
  },
];

/** What runs: each fleet in a line, and each process when that is asked for. */
export function FleetsCard({ processes }: { readonly processes: readonly Process[] }) {
  const [each, showEach] = useState(false);
  return (
    <Card
      title="Processes"
      aside={
        <button type="button" className="button is-small" aria-pressed={each} onClick={() => showEach(!each)}>
          Each of them
        </button>
      }
    >
      {each ? (
        <Table
          label="Processes"
          columns={PROCESSES}
          rows={processes}
          keyOf={({ host, pid, started_at }) => `${host} ${pid} ${started_at}`}
        />
      ) : (
        <Table label="Fleets" columns={FLEETS} rows={fleetsOf(processes)} keyOf={({ name }) => name} />
      )}
    </Card>
  );
}

function ProcessPill({ process: { silent, polling, beat_s } }: { readonly process: Process }) {
  if (silent) return <Pill tone="bad">silent for {duration(beat_s)}</Pill>;
  if (polling === false) return <Pill tone="warn">not polling</Pill>;
  return <Pill tone="good">running</Pill>;
}

function Calls({ calls }: { readonly calls: Fleet['calls'] }) {
  if (!calls) return <span className="soft">–</span>;
  return (
    <span className="nowrap">
      {count(calls.used)} of {count(calls.most)}
    </span>
  );
}

/** The one that was heard longest ago: it is the one to look after. */
function Heard({ processes }: { readonly processes: readonly Process[] }) {
  if (processes.length === 0) return <span className="soft">–</span>;
  return <span className="nowrap">{duration(Math.max(...processes.map(({ beat_s }) => beat_s)))} ago</span>;
}
