import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { call } from '../../api/call.js';
import { Card } from '../../ui/card.js';
import { count, percent } from '../../ui/numbers.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { beginOf, type Span } from './spans.js';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly measured: number;
  readonly in_time: number;
  readonly missed: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'Client', cell: ({ id, name }) => <Link href={`/clients/${id}`}>{name}</Link> },
  { name: 'In time', end: true, cell: ({ in_time, measured }) => percent(in_time, measured) },
  { name: 'Missed', end: true, cell: ({ missed }) => <span className={missed > 0 ? 'bad' : ''}>{count(missed)}</span> },
  { name: 'Measured', end: true, cell: ({ measured }) => count(measured) },
];

/** Of which clients the e-mails were; those who missed most come first. */
export function ByClient({ span }: { readonly span: Span }) {
  const names = useQuery({
    queryKey: ['clients', 'all'],
    queryFn: ({ signal }) => call('listClients', { query: { limit: 200 } }, signal),
    staleTime: 60_000,
  });
  const query = useQuery({
    queryKey: ['service-levels', span, 'by client'],
    queryFn: ({ signal }) =>
      call('getServiceLevels', { query: { from: beginOf(span), by: 'month', per_client: 'true' } }, signal),
    refetchInterval: 60_000,
  });
  const nameOf = (id: string) => names.data?.clients.find((client) => client.id === id)?.name ?? id;
  return (
    <Card title="By client">
      <Answer of={query}>
        {({ periods }) => {
          const rows = new Map<string, Row>();
          for (const { client_id, measured, in_time, late, dead } of periods) {
            const id = client_id ?? '';
            const row = rows.get(id) ?? { id, name: nameOf(id), measured: 0, in_time: 0, missed: 0 };
            rows.set(id, {
              ...row,
              measured: row.measured + measured,
              in_time: row.in_time + in_time,
              missed: row.missed + late + dead,
            });
          }
          const sorted = [...rows.values()].sort((a, b) => b.missed - a.missed || b.measured - a.measured);
          if (sorted.length === 0) return <Empty title="Nobody’s e-mail had its deadline in this time." />;
          return <Table label="By client" columns={COLUMNS} rows={sorted} keyOf={({ id }) => id} />;
        }}
      </Answer>
    </Card>
  );
}
