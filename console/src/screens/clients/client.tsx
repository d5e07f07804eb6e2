import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { PageHead } from '../../ui/card.js';
import { ActDialog } from '../../ui/dialog.js';
import { Pill } from '../../ui/pill.js';
import { Answer } from '../../ui/states.js';
import { Kept } from './kept.js';
import { Keys } from './keys.js';
import { Facts, Limits } from './limits.js';
import { Senders } from './senders.js';

/** One client: what it has submitted, its limits, its keys, and as whom it sends. */
export function ClientScreen({ id }: { readonly id: string }) {
  const may = useMay();
  const [isSwitching, setSwitching] = useState(false);
  const query = useQuery({
    queryKey: ['clients', id],
    queryFn: ({ signal }) => call('getClient', { params: { id } }, signal),
  });
  return (
    <Answer of={query}>
      {(client) => (
        <>
          <PageHead
            title={client.name}
            about={client.disabled ? <Pill tone="bad">disabled</Pill> : <Pill tone="good">active</Pill>}
          >
            {may('changeClient') && (
              <button type="button" className="button" onClick={() => setSwitching(true)}>
                {client.disabled ? 'Enable…' : 'Disable…'}
              </button>
            )}
          </PageHead>
          <div className="stack">
            <div className="grid-2">
              <Limits client={client} />
              <Facts client={client} />
            </div>
            <Kept client={client} />
            {may('listKeys') && <Keys client={client} />}
            {may('listSenders') && <Senders client={client} />}
          </div>
          {isSwitching && (
            <ActDialog
              title={client.disabled ? `Enable ${client.name}` : `Disable ${client.name}`}
              touches={
                client.disabled
                  ? 'Its keys are taken again.'
                  : 'None of its keys is taken any more. What was accepted of it is sent all the same. Enabling it undoes that.'
              }
              verb={client.disabled ? 'Enable' : 'Disable'}
              danger={!client.disabled}
              act={() => call('changeClient', { params: { id }, body: { disabled: !client.disabled } })}
              done={client.disabled ? 'Enabled.' : 'Disabled.'}
              close={() => setSwitching(false)}
            />
          )}
        </>
      )}
    </Answer>
  );
}
