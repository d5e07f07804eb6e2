import { useInfiniteQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';
import { Link } from 'wouter';
import type { FoundEmail } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { Card } from '../../ui/card.js';
import { count } from '../../ui/numbers.js';
import { StatusPill } from '../../ui/pill.js';
import { Empty, Failed, Loading } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

const PAGE = 100;

const COLUMNS: readonly Column<FoundEmail>[] = [
  {
    name: 'To',
    cell: ({ id, receiver }) => (
      <Link href={`/emails/${id}`} className="cell-clip row-link" title={receiver}>
        {receiver}
      </Link>
    ),
  },
  {
    name: 'Subject',
    cell: ({ subject }) => (
      <div className="cell-clip" title={subject}>
        {subject}
      </div>
    ),
  },
  { name: 'Status', cell: ({ status }) => <StatusPill status={status} /> },
  { name: 'Priority', cell: ({ priority }) => priority },
  { name: 'Provider', cell: ({ provider }) => provider ?? <span className="soft">–</span> },
  { name: 'Accepted', cell: ({ created_at }) => <Time at={created_at} /> },
];

interface ResultsProps {
  readonly filter: Readonly<Record<string, string | undefined>>;
  /** Shown when there is none. */
  readonly none?: ReactNode;
}

/** E-mails that fit, more of them as one comes to the end. */
export function Results({ filter, none }: ResultsProps) {
  const query = useInfiniteQuery({
    queryKey: ['emails', filter],
    queryFn: ({ pageParam, signal }) =>
      call('searchEmails', { query: { ...filter, limit: PAGE, cursor: pageParam } as never }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const emails = data?.pages.flatMap((page) => page.emails) ?? [];
  if (!data) return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading />;
  if (emails.length === 0 && !hasNextPage) {
    return none ?? <Empty title="There is no such e-mail.">Perhaps in a longer time, or of another status.</Empty>;
  }
  return (
    <Card title={`${count(emails.length)}${hasNextPage ? ' or more' : ''} e-mails`}>
      <Table label="E-mails" columns={COLUMNS} rows={emails} keyOf={({ id }) => id} />
      {hasNextPage && <More key={emails.length} busy={isFetchingNextPage} more={() => void fetchNextPage()} />}
      {error && <Failed error={error} retry={() => void fetchNextPage()} />}
    </Card>
  );
}

/** Asks for more when it is seen. */
function More({ busy, more }: { readonly busy: boolean; readonly more: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && latest.current(),
      { rootMargin: '600px' },
    );
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={ref} className="state is-small">
      <button type="button" className="button is-small" onClick={more} disabled={busy}>
        {busy ? 'Loading…' : 'More'}
      </button>
    </div>
  );
}
