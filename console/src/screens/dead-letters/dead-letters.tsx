import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { count } from '../../ui/numbers.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';
import { DEATHS } from '../now/left-card.js';
import { BulkDiscardDialog, BulkRetryDialog } from './bulk.js';
import { type Group, keyOf, nameOf } from './groups.js';
import { Letters } from './letters.js';

/** What is past its retries, by what it has in common: mostly one cause, and one thing to do. */
export function DeadLetters() {
  const [chosen, choose] = useState<Group>();
  const [retried, retry] = useState<Group>();
  const [discarded, discard] = useState<Group>();
  const query = useQuery({
    queryKey: ['dead-letters', 'groups'],
    queryFn: ({ signal }) => call('groupDeadLetters', {}, signal),
    refetchInterval: 5_000,
  });
  return (
    <>
      <PageHead
        title="Dead letters"
        about="E-mails that were given up. Nothing of them is deleted until they are retried or discarded."
      />
      <Answer of={query}>
        {({ groups }) =>
          groups.length === 0 ? (
            <Empty title="There is none." />
          ) : (
            <div className="stack">
              <Groups groups={groups} choose={choose} retry={retry} discard={discard} chosen={chosen} />
              {chosen && <Letters key={keyOf(chosen)} group={chosen} />}
            </div>
          )
        }
      </Answer>
      {retried && <BulkRetryDialog group={retried} close={() => retry(undefined)} />}
      {discarded && <BulkDiscardDialog group={discarded} close={() => discard(undefined)} />}
    </>
  );
}

interface GroupsProps {
  readonly groups: readonly Group[];
  readonly chosen: Group | undefined;
  readonly choose: (group: Group | undefined) => void;
  readonly retry: (group: Group) => void;
  readonly discard: (group: Group) => void;
}

function Groups({ groups, chosen, choose, retry, discard }: GroupsProps) {
  const may = useMay();
  const isChosen = (group: Group) => chosen !== undefined && keyOf(chosen) === keyOf(group);
  const columns: readonly Column<Group>[] = [
    { name: 'Why', cell: ({ reason }) => <span className="strong">{DEATHS[reason] ?? reason}</span> },
    { name: 'Last code', cell: ({ code }) => code ?? <span className="soft">–</span> },
    { name: 'Provider', cell: ({ provider }) => provider ?? <span className="soft">–</span> },
    { name: 'How many', end: true, cell: ({ waiting }) => <span className="strong">{count(waiting)}</span> },
    { name: 'First', cell: ({ oldest_at }) => <Time at={oldest_at} /> },
    { name: 'Last', cell: ({ newest_at }) => <Time at={newest_at} /> },
    {
      name: 'Actions',
      bare: true,
      end: true,
      cell: (group) => (
        <div className="actions is-end">
          <button
            type="button"
            className="button is-small"
            aria-pressed={isChosen(group)}
            aria-label={`Show: ${nameOf(group)}`}
            onClick={() => choose(isChosen(group) ? undefined : group)}
          >
            Show
          </button>
          {may('beginJob') && (
            <button
              type="button"
              className="button is-small"
              aria-label={`Retry all: ${nameOf(group)}`}
              onClick={() => retry(group)}
            >
              Retry all…
            </button>
          )}
          {may('beginJob') && (
            <button
              type="button"
              className="button is-small"
              aria-label={`Discard all: ${nameOf(group)}`}
              onClick={() => discard(group)}
            >
              Discard all…
            </button>
          )}
        </div>
      ),
    },
  ];
  return (
    <Card title="By what they have in common">
      <Table label="Groups of dead letters" columns={columns} rows={groups} keyOf={keyOf} />
    </Card>
  );
}
