import { useQuery } from '@tanstack/react-query';
import type { Email } from '../../../../client/generated/schemas.js';
import { addressOf, call, Refusal } from '../../api/call.js';
import { useMay, useSession } from '../../api/session.js';
import { Card, PageHead } from '../../ui/card.js';
import { StatusPill } from '../../ui/pill.js';
import { Answer, Banner, Empty } from '../../ui/states.js';
import { Time } from '../../ui/time.js';
import { Actions } from './actions.js';
import { Content } from './content.js';
import { History } from './history.js';
import { OPEN } from './legal.js';
import { Timeline } from './timeline.js';

const AGAIN_MS = { open: 2_000, over: 15_000 };

/** One e-mail: what has become of it and when, why it waits, what can be done about it, and what it says. */
export function EmailScreen({ id }: { readonly id: string }) {
  const query = useQuery({
    queryKey: ['email', id],
    queryFn: ({ signal }) => call('getEmail', { params: { id } }, signal),
    refetchInterval: ({ state }) => (state.data && !OPEN.has(state.data.status) ? AGAIN_MS.over : AGAIN_MS.open),
  });
  if (query.error instanceof Refusal && query.error.status === 404) {
    return <Empty title="There is no e-mail of this id.">{id}</Empty>;
  }
  return <Answer of={query}>{(email) => <Shown email={email} />}</Answer>;
}

function Shown({ email }: { readonly email: Email }) {
  const may = useMay();
  const { waiting } = email;
  return (
    <>
      <PageHead
        title={email.subject || '(no subject)'}
        about={
          <>
            <StatusPill status={email.status} /> to {email.receiver}
          </>
        }
      >
        <Actions email={email} />
      </PageHead>
      {waiting && (
        <Banner tone="info">
          <strong>Why it waits:</strong> {waiting.reason}{' '}
          {waiting.next_try_at ? (
            <>
              Next try at <Time at={waiting.next_try_at} />.
            </>
          ) : (
            'It goes on when that is over.'
          )}
        </Banner>
      )}
      <div className="stack">
        <Timeline email={email} />
        <div className="grid-2 is-loose">
          <History email={email} />
          <Facts email={email} />
        </div>
        {may('getEmailContent') && <Content email={email} />}
      </div>
    </>
  );
}

function Facts({ email }: { readonly email: Email }) {
  const { temporal_workflows } = useSession();
  const { attachment } = email;
  const may = useMay();
  const optional = (name: string, value: string | null) => (value ? [[name, value] as const] : []);
  const texts = [
    ['From', email.sender],
    ['To', email.receiver],
    ['Priority', email.priority],
    ...optional('Provider', email.provider),
    ...optional('Its id there', email.provider_message_id),
    ...optional('Tags', email.tags.join(', ')),
    ['Opens', email.track_opens ? 'are counted' : 'are not counted'],
    ...Object.entries(email.headers),
    ...Object.entries(email.metadata).map(
      ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
    ),
  ] as const;
  return (
    <Card title="About it">
      <dl className="facts">
        <dt>Id</dt>
        <dd className="mono">{email.id}</dd>
        {texts.map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
        <dt>Accepted</dt>
        <dd>
          <Time at={email.created_at} />
        </dd>
        <dt>Deadline</dt>
        <dd>
          <Time at={email.deadline_at} />
        </dd>
        {attachment && (
          <>
            <dt>Attachment</dt>
            <dd>
              {attachment.filename} ({Math.ceil(attachment.size / 1024)} KB, {attachment.content_type}){' '}
              {may('getEmailAttachment') && !email.content_removed_at && (
                <a href={addressOf('getEmailAttachment', { params: { id: email.id } })} download>
                  Download
                </a>
              )}
            </dd>
          </>
        )}
        <dt>Workflow</dt>
        <dd className="mono">
          {temporal_workflows ? (
            <a href={`${temporal_workflows}/email-${email.id}`} rel="noreferrer" target="_blank">
              email-{email.id}
            </a>
          ) : (
            `email-${email.id}`
          )}
        </dd>
      </dl>
    </Card>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
