import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ApiKey, Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Choice, Field } from '../../ui/field.js';
import { Pill } from '../../ui/pill.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

const ROLES = ['viewer', 'operator', 'admin'] as const;

const isOver = ({ revoked_at, expires_at }: ApiKey) =>
  revoked_at !== null || (expires_at !== null && new Date(expires_at).getTime() <= Date.now());

const COLUMNS: readonly Column<ApiKey>[] = [
  {
    name: 'Key',
    cell: ({ prefix, name }) => (
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

/** A client's keys. A key itself is shown once, when it is made. */
export function Keys({ client }: { readonly client: Client }) {
  const may = useMay();
  const [dialog, setDialog] = useState<'new' | ApiKey>();
  const [made, setMade] = useState<string>();
  const query = useQuery({
    queryKey: ['clients', client.id, 'keys'],
    queryFn: ({ signal }) => call('listKeys', { params: { id: client.id } }, signal),
  });
  const revoking: Column<ApiKey> = {
    name: 'Actions',
    bare: true,
    end: true,
    cell: (key) =>
      !isOver(key) && (
        <button
          type="button"
          className="button is-small"
          aria-label={`Revoke ${key.prefix}`}
          onClick={() => setDialog(key)}
        >
          Revoke…
        </button>
      ),
  };
  return (
    <Card
      title="Keys"
      aside={
        may('createKey') && (
          <button type="button" className="button is-small" onClick={() => setDialog('new')}>
            New key…
          </button>
        )
      }
    >
      {made && (
        <div className="touches" role="status">
          The new key, shown this once: <strong className="mono">{made}</strong>
        </div>
      )}
      <Answer of={query}>
        {({ keys }) =>
          keys.length === 0 ? (
            <Empty title="It has no key." />
          ) : (
            <Table
              label="Keys"
              columns={may('revokeKey') ? [...COLUMNS, revoking] : COLUMNS}
              rows={keys}
              keyOf={({ id }) => id}
            />
          )
        }
      </Answer>
      {dialog === 'new' && <NewKeyDialog client={client} tell={setMade} close={() => setDialog(undefined)} />}
      {dialog && dialog !== 'new' && (
        <ActDialog
          title={`Revoke the key ${dialog.prefix}…`}
          touches="It is taken no more, from its next request on, and browsers that are signed in by it are signed out. That cannot be undone."
          verb="Revoke"
          danger
          act={() => call('revokeKey', { params: { id: client.id, key: dialog.id } })}
          done="Revoked."
          close={() => setDialog(undefined)}
        />
      )}
    </Card>
  );
}

interface NewKeyProps {
  readonly client: Client;
  readonly tell: (key: string) => void;
  readonly close: () => void;
}

function NewKeyDialog({ client, tell, close }: NewKeyProps) {
  return (
    <ActDialog
      title={`A new key for ${client.name}`}
      touches="The key is shown once, here, and kept as a hash. It can be revoked at any time."
      verb="Make it"
      act={async (form) => {
        const role = ROLES.find((each) => each === form.get('role'));
        const { key } = await call('createKey', {
          params: { id: client.id },
          body: { name: textOf(form, 'name'), role },
        });
        tell(key);
      }}
      done="The key is made."
      close={close}
    >
      <Field label="Whose it is, or what for" name="name" hint="An operator’s key has to have a name." />
      <Choice
        label="Kind"
        name="role"
        options={[
          ['', 'the client’s: send, read, suppressions'],
          ...ROLES.map((role) => [role, `an operator’s: ${role}`] as const),
        ]}
      />
    </ActDialog>
  );
}
