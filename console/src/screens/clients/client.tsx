import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { ActDialog } from '../../ui/dialog.js';
import { count } from '../../ui/numbers.js';
import { Pill } from '../../ui/pill.js';
import { Answer } from '../../ui/states.js';
import { Keys } from './keys.js';
import { Senders } from './senders.js';

const PRIORITIES = ['critical', 'medium', 'low'] as const;

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

function Limits({ client }: { readonly client: Client }) {
  return (
    <Card title="Submitted today (UTC)">
      <dl className="facts">
        {PRIORITIES.map((priority) => (
          <div className="fact-row" key={priority}>
            <dt>{priority}</dt>
            <dd>
              {count(client.submitted_today[priority])} of {count(client.daily_limits[priority])}
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

const rateOf = (rate: { readonly rate: number; readonly burst: number } | null) =>
  rate ? `${rate.rate} a second, ${rate.burst} at once` : 'no limit';

function Facts({ client }: { readonly client: Client }) {
  return (
    <Card title="About it">
      <dl className="facts">
        <dt>Id</dt>
        <dd className="mono">{client.id}</dd>
        <dt>Submissions</dt>
        <dd>{rateOf(client.rate_limits.send)}</dd>
        <dt>Other requests</dt>
        <dd>{rateOf(client.rate_limits.read)}</dd>
        <dt>Failures</dt>
        <dd>{client.failure_notices ? 'are told to its senders' : 'are told to nobody'}</dd>
        <dt>Opens</dt>
        <dd>{client.track_opens ? 'are counted' : 'are not counted'}</dd>
      </dl>
    </Card>
  );
}
