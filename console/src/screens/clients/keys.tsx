import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ApiKey, Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { Pill } from '../../ui/pill.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';
import { NewKeyDialog, RevokeDialog, RotateDialog } from './key-dialogs.js';
import { MadeKey } from './made-key.js';

const isOver = ({ revoked_at, expires_at }: ApiKey) =>
  revoked_at !== null || (expires_at !== null && new Date(expires_at).getTime() <= Date.now());

const COLUMNS: readonly Column<ApiKey>[] = [
  {
    name: 'Key',
    cell: ({ prefix, name, person }) =>
      person ? (
        <>
          {name} <span className="soft small">signs in</span>
        </>
      ) : (
        <>
          <span className="mono">{prefix}…</span> {name}
        </>
      ),
  },
  { name: 'May', cell: ({ role, scopes }) => (role ? <Pill tone="info">{role}</Pill> : scopes.join(', ')) },
  {
    name: 'State',
    cell: (key) =>
      isOver(key) ? <Pill>{key.revoked_at ? 'revoked' : 'expired'}</Pill> : <Pill tone="good">taken</Pill>,
  },
  {
    name: 'Last used',
    cell: ({ last_used_at }) => (last_used_at ? <Time at={last_used_at} /> : <span className="soft">never</span>),
  },
  {
    name: 'Until',
    cell: ({ expires_at }) => (expires_at ? <Time at={expires_at} /> : <span className="soft">revoked</span>),
  },
];

type Chosen = { readonly act: 'new' } | { readonly act: 'rotate' | 'revoke'; readonly key: ApiKey };

/** A client's keys. A key itself is shown once, when it is made. */
export function Keys({ client }: { readonly client: Client }) {
  const may = useMay();
  const [chosen, choose] = useState<Chosen>();
  const [made, setMade] = useState<string>();
  const query = useQuery({
    queryKey: ['clients', client.id, 'keys'],
    queryFn: ({ signal }) => call('listKeys', { params: { id: client.id } }, signal),
  });
  const close = () => choose(undefined);
  return (
    <Card
      title="Keys"
      aside={
        may('createKey') && (
          <button type="button" className="button is-small" onClick={() => choose({ act: 'new' })}>
            New key…
          </button>
        )
      }
    >
      {made && <MadeKey text={made} close={() => setMade(undefined)} />}
      <Answer of={query}>
        {({ keys }) =>
          keys.length === 0 ? (
            <Empty title="It has no key." />
          ) : (
            <Table
              label="Keys"
              columns={may('revokeKey') ? [...COLUMNS, changing(choose)] : COLUMNS}
              rows={keys}
              keyOf={({ id }) => id}
            />
          )
        }
      </Answer>
      {chosen?.act === 'new' && <NewKeyDialog client={client} tell={setMade} close={close} />}
      {chosen?.act === 'rotate' && <RotateDialog client={client} of={chosen.key} tell={setMade} close={close} />}
      {chosen?.act === 'revoke' && <RevokeDialog client={client} of={chosen.key} close={close} />}
    </Card>
  );
}

const changing = (choose: (chosen: Chosen) => void): Column<ApiKey> => ({
  name: 'Actions',
  bare: true,
  end: true,
  cell: (key) => {
    if (isOver(key)) return null;
    const name = key.person ? (key.name ?? 'this person') : key.prefix;
    return (
      <div className="actions is-end">
        {!key.person && !key.replaced_by && (
          <button
            type="button"
            className="button is-small"
            aria-label={`Rotate ${name}`}
            onClick={() => choose({ act: 'rotate', key })}
          >
            Rotate…
          </button>
        )}
        <button
          type="button"
          className="button is-small"
          aria-label={key.person ? `Sign ${name} out` : `Revoke ${name}`}
          onClick={() => choose({ act: 'revoke', key })}
        >
          {key.person ? 'Sign out…' : 'Revoke…'}
        </button>
      </div>
    );
  },
});
