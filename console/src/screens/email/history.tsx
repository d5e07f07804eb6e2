import { useState } from 'react';
import type { Email } from '../../../../client/generated/schemas.js';
import { Card } from '../../ui/card.js';
import { Pill } from '../../ui/pill.js';
import { type Column, Table } from '../../ui/table.js';
import { milliseconds, Time } from '../../ui/time.js';
import { type Entry, entriesOf, toneOf } from './entries.js';

/** After how much time, as one reads it beside the others. */
const after = (entry: Entry, begin: number) => {
  const ms = entry.from - begin;
  return ms < 0 ? '0 ms' : ms < 60_000 ? milliseconds(ms) : `${Math.round(ms / 60_000).toLocaleString('en')} min`;
};

/** Everything that happened, in order; what the axis shows, in words. */
export function History({ email }: { readonly email: Email }) {
  const [raw, setRaw] = useState(false);
  const entries = entriesOf(email);
  const begin = new Date(email.created_at).getTime();
  const columns: readonly Column<Entry>[] = [
    { name: 'At', cell: ({ at }) => <Time at={at} /> },
    { name: 'After', end: true, cell: (entry) => <span className="nowrap">{after(entry, begin)}</span> },
    { name: 'What', cell: (entry) => <Pill tone={toneOf(entry)}>{entry.name}</Pill> },
    { name: 'Provider', cell: ({ provider }) => provider ?? <span className="soft">–</span> },
    { name: 'Details', cell: ({ details }) => details && <span className="small soft">{details}</span> },
  ];
  return (
    <Card
      title="What happened"
      aside={
        <button type="button" className="button is-small" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          Raw events
        </button>
      }
    >
      {raw ? (
        <pre className="raw">{JSON.stringify({ events: email.events, attempts: email.attempts }, null, 2)}</pre>
      ) : (
        <Table label="What happened" columns={columns} rows={entries} keyOf={({ key }) => key} />
      )}
    </Card>
  );
}
