import { useQuery } from '@tanstack/react-query';
import type { Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { Card } from '../../ui/card.js';
import { Answer, Empty } from '../../ui/states.js';

/** As whom a client may send. */
export function Senders({ client }: { readonly client: Client }) {
  const query = useQuery({
    queryKey: ['clients', client.id, 'senders'],
    queryFn: ({ signal }) => call('listSenders', { params: { id: client.id } }, signal),
  });
  return (
    <Card title="May send as">
      <Answer of={query}>
        {({ senders }) =>
          senders.length === 0 ? (
            <Empty title="Nobody: what it submits is refused." />
          ) : (
            <ul className="words">
              {senders.map((each) => {
                const sender = typeof each === 'string' ? each : each.sender;
                return <li key={sender}>{sender === '*' ? 'anybody' : sender}</li>;
              })}
            </ul>
          )
        }
      </Answer>
    </Card>
  );
}
