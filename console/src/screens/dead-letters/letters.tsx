import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { DeadLetter } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog } from '../../ui/dialog.js';
import { Answer, Empty, NextPage } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';
import { type Group, lastAttemptOf, nameOf } from './groups.js';

/** The e-mails of one group, the oldest first. */
export function Letters({ group }: { readonly group: Group }) {
  const may = useMay();
  const [discarded, discard] = useState<DeadLetter>();
  const { reason, code, provider } = group;
  const { without_code, without_provider, ...named } = lastAttemptOf(group);
  const yes = (value: true | undefined) => (value ? ('true' as const) : undefined);
  const asked = { ...named, without_code: yes(without_code), without_provider: yes(without_provider) };
  const query = useInfiniteQuery({
    queryKey: ['dead-letters', 'list', reason, code, provider],
    queryFn: ({ pageParam, signal }) =>
      call(
        'listDeadLetters',
        {
          query: { reason, ...asked, limit: 50, cursor: pageParam },
        },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  const columns: readonly Column<DeadLetter>[] = [
    {
      name: 'To',
      cell: ({ id, receiver }) => (
        <Link className="cell-clip row-link" href={`/emails/${id}`} title={receiver}>
          {receiver}
        </Link>
      ),
    },
    { name: 'Subject', cell: ({ subject }) => <div className="cell-clip">{subject}</div> },
    { name: 'Priority', cell: ({ priority }) => priority },
    { name: 'Died', cell: ({ died_at }) => <Time at={died_at} /> },
  ];
  const discarding: Column<DeadLetter> = {
    name: 'Actions',
    bare: true,
    end: true,
    cell: (letter) => (
      <button
        type="button"
        className="button is-small is-quiet"
        aria-label={`Discard the one to ${letter.receiver}`}
        onClick={() => discard(letter)}
      >
        Discard…
      </button>
    ),
  };
  return (
    <Card title={nameOf(group)}>
      <Answer of={query}>
        {({ pages }) => {
          const letters = pages.flatMap((page) => page.dead_letters);
          if (letters.length === 0) return <Empty title="There is none any more." />;
          return (
            <Table
              label="Dead letters"
              columns={may('discardDeadLetter') ? [...columns, discarding] : columns}
              rows={letters}
              keyOf={({ id, generation }) => `${id} ${generation}`}
            />
          );
        }}
      </Answer>
      <NextPage of={query}>More</NextPage>
      {discarded && (
        <ActDialog
          title="Discard this dead letter"
          touches={`Nothing more is done for the e-mail to ${discarded.receiver}. It stays dead, and can still be retried from its own page.`}
          verb="Discard"
          danger
          act={() => call('discardDeadLetter', { params: { id: discarded.id } })}
          done="Discarded."
          close={() => discard(undefined)}
        />
      )}
    </Card>
  );
}
