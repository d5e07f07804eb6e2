import { useState } from 'react';
import { call } from '../../api/call.js';
import type { LiveSample } from '../../api/live.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog } from '../../ui/dialog.js';
import { count, plural } from '../../ui/numbers.js';
import { Pill } from '../../ui/pill.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

type Hold = LiveSample['holds'][number];

/** What a hold is about, in words. */
function termsOf({ client_id, sender_domain, receiver_domain, tag, priority }: Hold): string {
  const terms = [
    client_id && `client ${client_id}`,
    sender_domain && `from ${sender_domain}`,
    receiver_domain && `to ${receiver_domain}`,
    tag && `tag ${tag}`,
    priority && `priority ${priority}`,
  ];
  return terms.filter(Boolean).join(', ');
}

/** Mail that operators hold, by whom and why. Nothing is shown while there is none. */
export function HoldsCard({ holds }: { readonly holds: readonly Hold[] }) {
  const may = useMay();
  const [released, setReleased] = useState<Hold>();
  if (holds.length === 0) return null;
  const columns: readonly Column<Hold>[] = [
    { name: 'Mail', cell: (hold) => <span className="strong">{termsOf(hold)}</span> },
    { name: 'Held', end: true, cell: (hold) => count(hold.held) },
    { name: 'Why', cell: ({ reason }) => reason },
    { name: 'By', cell: ({ who }) => who ?? '–' },
    { name: 'Since', cell: ({ created_at }) => <Time at={created_at} /> },
    {
      name: 'Submissions',
      cell: ({ reject }) => (reject ? <Pill tone="bad">refused</Pill> : <Pill tone="info">accepted</Pill>),
    },
  ];
  const release: Column<Hold> = {
    name: 'Actions',
    bare: true,
    end: true,
    cell: (hold) => (
      <button type="button" className="button is-small" onClick={() => setReleased(hold)}>
        Release…
      </button>
    ),
  };
  return (
    <Card title="Holds">
      <Table
        label="Holds"
        columns={may('releaseHold') ? [...columns, release] : columns}
        rows={holds}
        keyOf={({ id }) => id}
      />
      {released && (
        <ActDialog
          title="Release this hold"
          touches={`${plural(released.held, 'e-mail')} (${termsOf(released)}) will be sent.`}
          verb="Release"
          act={() => call('releaseHold', { params: { id: released.id } })}
          done="Released."
          close={() => setReleased(undefined)}
        />
      )}
    </Card>
  );
}
