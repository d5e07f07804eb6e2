import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { ListedClient } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Field } from '../../ui/field.js';
import { Pill } from '../../ui/pill.js';
import { Answer, Empty, NextPage } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

const COLUMNS: readonly Column<ListedClient>[] = [
  {
    name: 'Name',
    cell: ({ id, name }) => (
      <Link className="row-link" href={`/clients/${id}`}>
        {name}
      </Link>
    ),
  },
  {
    name: 'State',
    cell: ({ disabled }) => (disabled ? <Pill tone="bad">disabled</Pill> : <Pill tone="good">active</Pill>),
  },
  { name: 'Made', cell: ({ created_at }) => <Time at={created_at} /> },
  { name: 'Id', cell: ({ id }) => <span className="mono small">{id}</span> },
];

/** Who may submit. */
export function Clients() {
  const may = useMay();
  const [isMaking, make] = useState(false);
  const query = useInfiniteQuery({
    queryKey: ['clients', 'list'],
    queryFn: ({ pageParam, signal }) => call('listClients', { query: { limit: 100, cursor: pageParam } }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  return (
    <>
      <PageHead
        title="Clients"
        about="Programs and tenants that submit: their limits, their keys, and as whom they send."
      >
        {may('createClient') && (
          <button type="button" className="button" onClick={() => make(true)}>
            New client…
          </button>
        )}
      </PageHead>
      <Card title="All of them">
        <Answer of={query}>
          {({ pages }) => {
            const clients = pages.flatMap((page) => page.clients);
            if (clients.length === 0) return <Empty title="There is none." />;
            return <Table label="Clients" columns={COLUMNS} rows={clients} keyOf={({ id }) => id} />;
          }}
        </Answer>
        <NextPage of={query}>More</NextPage>
      </Card>
      {isMaking && (
        <ActDialog
          title="Make a client"
          touches="It has no key yet, and may send as nobody. It can be disabled, not deleted."
          verb="Make it"
          act={(form) => call('createClient', { body: { name: textOf(form, 'name')! } })}
          done="The client is made."
          close={() => make(false)}
        >
          <Field label="Name" name="name" required />
        </ActDialog>
      )}
    </>
  );
}
