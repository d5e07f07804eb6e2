import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { call, type InputOf, Refusal } from '../../api/call.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Choice, Field } from '../../ui/field.js';
import { Answer } from '../../ui/states.js';
import { providerIn, providerOptions } from '../email/actions.js';
import { Previewed } from '../jobs/preview.js';
import { filterOf, type Group, nameOf } from './groups.js';

type Terms = Pick<InputOf<'beginJob'>['body'], 'kind' | 'filter' | 'corrected'>;

interface BulkProps {
  readonly group: Group;
  readonly close: () => void;
}

/** How many there are for a job, as things are: asked before it begins, and changing nothing. */
function useDryRun(terms: Terms) {
  return useQuery({
    queryKey: ['jobs', 'dry run', JSON.stringify({ ...terms, filter: { ...terms.filter, from: undefined } })],
    queryFn: ({ signal }) => call('beginJob', { body: { ...terms, reason: 'a dry run', dry_run: true } }, signal),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

interface MatchedProps {
  readonly dryRun: ReturnType<typeof useDryRun>;
  readonly group: Group;
  /** What becomes of them. */
  readonly words: string;
}

function Matched({ dryRun, group, words }: MatchedProps) {
  return (
    <Answer of={dryRun}>
      {({ preview }) =>
        preview && (
          <Previewed of={preview}>
            ({nameOf(group)}) {words}
          </Previewed>
        )
      }
    </Answer>
  );
}

/** Begins a job, and goes to where it can be watched and stopped. */
function useBegin() {
  const [, go] = useLocation();
  return async (body: InputOf<'beginJob'>['body']) => {
    const { job } = await call('beginJob', { body });
    if (job) go(`/jobs/${job.id}`);
  };
}

const domainIn = (text: string) => text.trim().toLowerCase();
const LOOK_AGAIN = 'The domain has changed: look again at how many it would be.';

/** Retries a group as a job, which goes on whatever becomes of this page; through a provider, or to another domain. */
export function BulkRetryDialog({ group, close }: BulkProps) {
  const [wrong, setWrong] = useState('');
  const begin = useBegin();
  const terms = { kind: 'retry', filter: { ...filterOf(group), receiver_domain: wrong || undefined } } as const;
  const dryRun = useDryRun(terms);
  const words =
    'will be queued anew, each once, with a lifetime and a deadline from now. The job can be stopped; what a provider has by then is sent.';
  return (
    <ActDialog
      title="Retry these dead letters"
      touches={<Matched dryRun={dryRun} group={group} words={words} />}
      verb="Retry them"
      asksWhy
      disabled={!dryRun.data?.preview?.matched}
      act={(form) => {
        // Enter begins it before the field is left: then the dry run that is shown is of others.
        const typed = domainIn(textOf(form, 'wrong') ?? '');
        if (typed !== wrong) {
          setWrong(typed);
          return Promise.reject(new Refusal(0, 'look_again', LOOK_AGAIN, []));
        }
        const domain = textOf(form, 'right');
        return begin({
          ...terms,
          corrected: domain ? { domain } : undefined,
          through: providerIn(form, 'through'),
          reason: textOf(form, 'reason')!,
        });
      }}
      done="A job retries them: this is it."
      close={close}
    >
      <Choice label="Through" name="through" options={providerOptions('any provider')} />
      <div className="filters">
        <Field
          label="Only those to the domain"
          name="wrong"
          hint="Left empty: all of them."
          onLeave={(value) => setWrong(domainIn(value))}
        />
        {wrong && <Field label="Corrected domain" name="right" hint="Left empty: as before." />}
      </div>
    </ActDialog>
  );
}

/** Closes a group as a job. */
export function BulkDiscardDialog({ group, close }: BulkProps) {
  const begin = useBegin();
  const terms = { kind: 'discard', filter: filterOf(group) } as const;
  const dryRun = useDryRun(terms);
  const words =
    'will be closed: nothing more is done for them. They stay dead, and each can still be retried from its own page.';
  return (
    <ActDialog
      title="Discard these dead letters"
      touches={<Matched dryRun={dryRun} group={group} words={words} />}
      verb="Discard them"
      danger
      asksWhy
      disabled={!dryRun.data?.preview?.matched}
      act={(form) => begin({ ...terms, reason: textOf(form, 'reason')! })}
      done="A job discards them: this is it."
      close={close}
    />
  );
}
