import { useInfiniteQuery } from '@tanstack/react-query';
import { type AnswerOf, call } from '../../api/call.js';
import { Card, PageHead } from '../../ui/card.js';
import { Answer, Empty, NextPage } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

type Unmatched = AnswerOf<'listUnmatchedWebhooks'>['webhooks'][number];

const WHY: Readonly<Record<string, string>> = {
  no_email_id: 'it names no e-mail of ours',
  unknown_email: 'it names an e-mail that is not there',
  not_understood: 'nobody understood it',
  sync: 'it is about the provider’s list, not an e-mail',
};

const COLUMNS: readonly Column<Unmatched>[] = [
  { name: 'Received', cell: ({ recorded_at }) => <Time at={recorded_at} /> },
  { name: 'Provider', cell: ({ provider }) => provider },
  { name: 'Event', cell: ({ event_type }) => event_type ?? <span className="soft">–</span> },
  { name: 'Why it is here', cell: ({ reason }) => WHY[reason] ?? reason },
  {
    name: 'Message there',
    cell: ({ provider_message_id }) => <span className="mono small">{provider_message_id ?? '–'}</span>,
  },
  {
    name: 'Looked for again',
    cell: ({ match_at }) => (match_at ? <Time at={match_at} /> : <span className="soft">no more</span>),
  },
];

/** What providers told of e-mails that we do not know. Nothing that they tell is thrown away. */
export function UnmatchedWebhooks() {
  const query = useInfiniteQuery({
    queryKey: ['unmatched'],
    queryFn: ({ pageParam, signal }) =>
      call('listUnmatchedWebhooks', { query: { limit: 100, cursor: pageParam } }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  return (
    <>
      <PageHead
        title="Unmatched webhooks"
        about="Events that name no e-mail that we know; kept for 90 days. Those with a message id are looked for again."
      />
      <Card title="The latest first">
        <Answer of={query}>
          {({ pages }) => {
            const webhooks = pages.flatMap((page) => page.webhooks);
            if (webhooks.length === 0) return <Empty title="There is none." />;
            return <Table label="Unmatched webhooks" columns={COLUMNS} rows={webhooks} keyOf={({ id }) => id} />;
          }}
        </Answer>
        <NextPage of={query}>Earlier</NextPage>
      </Card>
    </>
  );
}
