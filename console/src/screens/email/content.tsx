import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Email } from '../../../../client/generated/schemas.js';
import { addressOf, call } from '../../api/call.js';
import { Card } from '../../ui/card.js';
import { Answer } from '../../ui/states.js';
import { Time } from '../../ui/time.js';

/** What it says, for whoever may read that; only when it is asked for, since each look is written down. */
export function Content({ email }: { readonly email: Email }) {
  const [shown, show] = useState<'text' | 'html'>();
  if (email.content_removed_at) {
    return (
      <Card title="Content">
        <p className="soft">
          Content removed on <Time at={email.content_removed_at} /> by retention.
        </p>
      </Card>
    );
  }
  return (
    <Card
      title="Content"
      aside={
        <div className="actions">
          <Choice name="Text" of="text" shown={shown} show={show} />
          <Choice name="HTML" of="html" shown={shown} show={show} />
        </div>
      }
    >
      {!shown && <p className="soft">It is shown when you ask for it. Each look is written into the audit.</p>}
      {shown === 'text' && <Text id={email.id} />}
      {shown === 'html' && (
        <>
          <iframe
            className="content-frame"
            title="What the e-mail says"
            sandbox=""
            src={addressOf('getEmailContentPage', { params: { id: email.id } })}
          />
          <p className="soft small">Nothing in it runs, and nothing is loaded from elsewhere: not even pictures.</p>
        </>
      )}
    </Card>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly of: 'text' | 'html';
  readonly shown: 'text' | 'html' | undefined;
  readonly show: (what: 'text' | 'html' | undefined) => void;
}

const Choice = ({ name, of, shown, show }: ChoiceProps) => (
  <button
    type="button"
    className="button is-small"
    aria-pressed={shown === of}
    onClick={() => show(shown === of ? undefined : of)}
  >
    {name}
  </button>
);

function Text({ id }: { readonly id: string }) {
  const query = useQuery({
    queryKey: ['content', id],
    queryFn: ({ signal }) => call('getEmailContent', { params: { id } }, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  return (
    <Answer of={query}>
      {({ text, generated_text, reply_to }) => (
        <>
          {reply_to && <p className="soft small">Answers go to {reply_to}.</p>}
          <pre className="content-text">{text ?? generated_text}</pre>
          {text === null && <p className="soft small">It was submitted as HTML alone; this text is made of it.</p>}
        </>
      )}
    </Answer>
  );
}
