import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from '../../api/call.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Field, Typed } from '../../ui/field.js';
import { count, plural } from '../../ui/numbers.js';
import { Answer } from '../../ui/states.js';

/** A month that is over, dropped by a job. */
export function Month() {
  const [dropped, drop] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    drop(textOf(new FormData(event.currentTarget), 'month')?.replace('-', ''));
  };
  return (
    <Card title="A month">
      <form className="filters" onSubmit={submit}>
        <Field label="Year and month, as 2026-01" name="month" required pattern="2\d{3}-?(0[1-9]|1[0-2])" />
        <button type="submit" className="button is-danger">
          Drop…
        </button>
      </form>
      {dropped && <DropDialog key={dropped} month={dropped} close={() => drop(undefined)} />}
    </Card>
  );
}

function DropDialog({ month, close }: { readonly month: string; readonly close: () => void }) {
  const [, go] = useLocation();
  const dryRun = useQuery({
    queryKey: ['months', 'dry run', month],
    queryFn: ({ signal }) =>
      call('dropMonth', { params: { month }, body: { reason: 'a dry run', dry_run: true } }, signal),
    gcTime: 0,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const isKept = (dryRun.data?.examples.length ?? 0) > 0;
  return (
    <ActDialog
      title={`Drop the month ${month}`}
      touches={
        <Answer of={dryRun}>
          {({ emails, bytes, unfinished, open_dead_letters, examples }) => (
            <>
              About <strong>{plural(emails, 'e-mail')}</strong> with events, attempts and attachments,{' '}
              {count(Math.ceil(bytes / 1_000_000))} MB in the database. That cannot be undone.
              {isKept && (
                <span className="bad">
                  {' '}
                  It cannot go yet: {count(unfinished)} are unfinished, {count(open_dead_letters)} have open dead
                  letters, such as <Link href={`/emails/${examples[0]}`}>this one</Link>.
                </span>
              )}
            </>
          )}
        </Answer>
      }
      verb="Drop it"
      danger
      asksWhy
      disabled={!dryRun.data || isKept}
      act={async (form) => {
        const { job } = await call('dropMonth', { params: { month }, body: { reason: textOf(form, 'reason')! } });
        if (job) go(`/jobs/${job.id}`);
      }}
      done="A job drops it: this is it."
      close={close}
    >
      <Typed word={month} />
    </ActDialog>
  );
}
