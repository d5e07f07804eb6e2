import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call, download } from '../../api/call.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Field, Typed } from '../../ui/field.js';
import { count, plural } from '../../ui/numbers.js';
import { Answer, wordsOf } from '../../ui/states.js';

/** Whoever has an address: what is kept of them as a file, or gone. */
export function Person() {
  const [forgotten, forget] = useState<string>();
  const { mutate, error, isPending, isSuccess } = useMutation({
    mutationFn: (address: string) => download('exportPerson', { body: { address } }, 'personal-data.tar'),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const address = textOf(new FormData(event.currentTarget), 'address');
    const { submitter } = event.nativeEvent as SubmitEvent;
    if (!address) return;
    if ((submitter as HTMLButtonElement | null)?.value === 'forget') forget(address);
    else mutate(address);
  };
  return (
    <Card title="A person">
      <form className="filters" onSubmit={submit}>
        <Field label="Their address" name="address" required />
        <button type="submit" className="button" value="export" disabled={isPending}>
          {isPending ? 'Handing out…' : 'Hand out what is kept'}
        </button>
        <button type="submit" className="button is-danger" value="forget">
          Forget…
        </button>
      </form>
      <p className="state is-small" role="status">
        {error ? <span className="bad">{wordsOf(error)}</span> : isSuccess && 'The archive is in your downloads.'}
      </p>
      {forgotten && <ForgetDialog address={forgotten} close={() => forget(undefined)} />}
    </Card>
  );
}

interface ForgetProps {
  readonly address: string;
  readonly close: () => void;
}

function ForgetDialog({ address, close }: ForgetProps) {
  const [done, setDone] = useState(0);
  const dryRun = useQuery({
    queryKey: ['forget', 'dry run', address],
    queryFn: ({ signal }) => call('forgetPerson', { body: { address, reason: 'a dry run', dry_run: true } }, signal),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <ActDialog
      title="Forget a person"
      touches={
        <Answer of={dryRun}>
          {({ emails }) => (
            <>
              <strong>{plural(emails, 'e-mail')}</strong> to {address}, with all that belongs to them, whatever their
              state: one that waits is not sent. That cannot be undone. A suppression stays, under a pseudonym.
              {done > 0 && ` ${count(done)} are gone.`}
            </>
          )}
        </Answer>
      }
      verb="Forget them"
      danger
      asksWhy
      disabled={!dryRun.data}
      act={async (form) => {
        const reason = textOf(form, 'reason')!;
        // Each request works for some seconds; whoever closes the page in between has forgotten a part of it.
        for (let gone = 0, complete = false; !complete; setDone(gone)) {
          const answer = await call('forgetPerson', { body: { address, reason } });
          gone += answer.emails;
          complete = answer.complete;
        }
      }}
      done="Nothing of them is left."
      close={close}
    >
      <Typed word={address} />
    </ActDialog>
  );
}
