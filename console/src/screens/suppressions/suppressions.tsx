import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link } from 'wouter';
import type { Suppression } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay, useSession } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Choice, Field } from '../../ui/field.js';
import { Pill } from '../../ui/pill.js';
import { Answer, Empty, NextPage } from '../../ui/states.js';
import { type Column, removeColumn, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

const COLUMNS: readonly Column<Suppression>[] = [
  { name: 'Address', cell: ({ address }) => <span className="strong">{address}</span> },
  { name: 'Why', cell: ({ reason }) => <Pill tone={reason === 'complained' ? 'bad' : 'plain'}>{reason}</Pill> },
  { name: 'Since', cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'By the e-mail',
    cell: ({ email_id }) =>
      email_id ? (
        <Link className="mono small" href={`/emails/${email_id}`}>
          {email_id}
        </Link>
      ) : (
        <span className="soft">by hand</span>
      ),
  },
];

/** Whom a client must not write to. */
export function Suppressions() {
  const may = useMay();
  const session = useSession();
  const [client, setClient] = useState(session.client_id);
  const [address, setAddress] = useState('');
  const [dialog, setDialog] = useState<'add' | Suppression>();
  const query = useInfiniteQuery({
    queryKey: ['suppressions', client, address],
    queryFn: ({ pageParam, signal }) =>
      call(
        'listSuppressions',
        { query: { client, address: address || undefined, limit: 100, cursor: pageParam } },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  const removing = removeColumn<Suppression>(({ address }) => address, setDialog);
  return (
    <>
      <PageHead
        title="Suppressions"
        about="Addresses that a client must not write to: bounces, complaints and unsubscriptions add themselves."
      >
        {may('addSuppression') && (
          <button type="button" className="button" onClick={() => setDialog('add')}>
            Suppress an address…
          </button>
        )}
      </PageHead>
      <Card title="The list">
        <Filters client={client} setClient={setClient} setAddress={setAddress} />
        <Answer of={query}>
          {({ pages }) => {
            const all = pages.flatMap((page) => page.suppressions);
            if (all.length === 0) return <Empty title="No such address is suppressed." />;
            return (
              <Table
                label="Suppressions"
                columns={may('removeSuppression') ? [...COLUMNS, removing] : COLUMNS}
                rows={all}
                keyOf={(each) => each.address}
              />
            );
          }}
        </Answer>
        <NextPage of={query}>More</NextPage>
      </Card>
      {dialog === 'add' && <AddDialog client={client} close={() => setDialog(undefined)} />}
      {dialog && dialog !== 'add' && (
        <ActDialog
          title="Take this suppression back"
          touches={`${dialog.address} is written to again. If it bounces or complains again, it comes back by itself.`}
          verb="Remove"
          act={() => call('removeSuppression', { params: { address: dialog.address }, query: { client } })}
          done="Removed."
          close={() => setDialog(undefined)}
        />
      )}
    </>
  );
}

interface FiltersProps {
  readonly client: string;
  readonly setClient: (client: string) => void;
  readonly setAddress: (address: string) => void;
}

function Filters({ client, setClient, setAddress }: FiltersProps) {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['clients', 'all'],
    queryFn: ({ signal }) => call('listClients', { query: { limit: 200 } }, signal),
    enabled: may('listClients'),
    staleTime: 60_000,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setAddress(textOf(new FormData(event.currentTarget), 'address') ?? '');
  };
  return (
    <form className="filters" onSubmit={submit}>
      {data && (
        <Choice
          label="Of the client"
          name="client"
          options={data.clients.map(({ id, name }) => [id, name] as const)}
          value={client}
          onChange={setClient}
        />
      )}
      <Field label="Address" name="address" />
      <button type="submit" className="button">
        Look it up
      </button>
    </form>
  );
}

const AddDialog = ({ client, close }: { readonly client: string; readonly close: () => void }) => (
  <ActDialog
    title="Suppress an address"
    touches="This client’s e-mails to it end as suppressed, of every priority, from now on. Removing it from the list undoes that."
    verb="Suppress"
    act={(form) => call('addSuppression', { body: { client, address: textOf(form, 'address')! } })}
    done="Suppressed."
    close={close}
  >
    <Field label="Address" name="address" required />
  </ActDialog>
);
