import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { call, type InputOf } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { any, Check, Choice, Field, Typed } from '../../ui/field.js';
import { PRIORITIES } from '../../ui/priorities.js';
import { Answer } from '../../ui/states.js';
import { Previewed } from './preview.js';

type Asked = InputOf<'beginJob'>['body'];

const KINDS = {
  cancel: ['Cancel', 'will be cancelled, unless a provider has them by then. That cannot be undone.'],
  reroute: ['Reroute', 'will go another way, unless a provider has them by then. Another reroute undoes that.'],
  discard: ['Discard', 'will be closed, as dead letters about which nothing more is done. A retry undoes that.'],
  retry: ['Retry', 'will be queued anew, each once, with a lifetime and a deadline from now.'],
} as const;
type Kind = keyof typeof KINDS;

const WAYS = ['any', 'mailgun', 'mandrill', 'smtp'] as const;

const oneOf = <T extends string>(all: readonly T[], value: unknown) => all.find((each) => each === value);
const moment = (text: string | undefined) => text && new Date(text).toISOString();

/** What the form asks for, without its reason. */
function askedIn(form: FormData): Asked {
  const kind = oneOf(Object.keys(KINDS) as Kind[], form.get('kind'))!;
  const filter = {
    client: textOf(form, 'client'),
    tag: textOf(form, 'tag'),
    sender: textOf(form, 'sender'),
    receiver: textOf(form, 'receiver'),
    receiver_domain: textOf(form, 'receiver_domain'),
    priority: oneOf(PRIORITIES, form.get('priority')),
    provider: oneOf(WAYS.slice(1) as ('mailgun' | 'mandrill' | 'smtp')[], form.get('provider')),
    code: textOf(form, 'code'),
    from: moment(textOf(form, 'from')),
    to: moment(textOf(form, 'to')),
  };
  const through = oneOf(WAYS, form.get('through'));
  const isAll = form.has('all');
  return {
    kind,
    ...(isAll ? { all: true as const } : { filter }),
    ...((kind === 'reroute' || (kind === 'retry' && through !== 'any')) && { through }),
    reason: 'a dry run',
  };
}

/** Has something done to many e-mails: first it says to how many. */
export function BeginJob() {
  const [asked, ask] = useState<Asked>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    ask(askedIn(new FormData(event.currentTarget)));
  };
  return (
    <Card title="Begin one">
      <form className="filters" onSubmit={submit} aria-label="What a job is to do">
        <Choice
          label="What"
          name="kind"
          value="cancel"
          options={Object.entries(KINDS).map(([kind, [name]]) => [kind, name] as const)}
        />
        <Choice
          label="Through (not of cancel)"
          name="through"
          value="any"
          options={WAYS.map((way) => [way, way === 'any' ? 'any provider' : way] as const)}
        />
        <Clients />
        <Field label="Tag" name="tag" />
        <Field label="Sender" name="sender" />
        <Field label="Receiver" name="receiver" />
        <Field label="Receiver’s domain" name="receiver_domain" />
        <Choice label="Priority" name="priority" options={any(PRIORITIES)} />
        <Choice label="Last provider" name="provider" options={any(WAYS.slice(1))} />
        <Field label="Last code" name="code" />
        <Field label="Accepted from" name="from" type="datetime-local" />
        <Field label="Accepted before" name="to" type="datetime-local" />
        <Check label="Every one, whatever is filled in" name="all" />
        <button type="submit" className="button">
          See what it would do…
        </button>
      </form>
      {asked && <BeginDialog asked={asked} close={() => ask(undefined)} />}
    </Card>
  );
}

function Clients() {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['clients', 'all'],
    queryFn: ({ signal }) => call('listClients', { query: { limit: 200 } }, signal),
    enabled: may('listClients'),
    staleTime: 60_000,
  });
  return (
    <Choice
      label="Client"
      name="client"
      options={[['', 'any'], ...(data?.clients ?? []).map(({ id, name }) => [id, name] as const)]}
    />
  );
}

function BeginDialog({ asked, close }: { readonly asked: Asked; readonly close: () => void }) {
  const [, go] = useLocation();
  const dryRun = useQuery({
    queryKey: ['jobs', 'dry run', asked],
    queryFn: ({ signal }) => call('beginJob', { body: { ...asked, dry_run: true } }, signal),
    gcTime: 0,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const preview = dryRun.data?.preview;
  const [verb, what] = KINDS[asked.kind];
  return (
    <ActDialog
      title={`${verb} many e-mails`}
      touches={<Answer of={dryRun}>{() => preview && <Previewed of={preview}>{what}</Previewed>}</Answer>}
      verb={`${verb} them`}
      danger={asked.kind === 'cancel'}
      asksWhy
      disabled={!preview || preview.matched === 0}
      act={async (form) => {
        const { job } = await call('beginJob', { body: { ...asked, reason: textOf(form, 'reason')! } });
        if (job) go(`/jobs/${job.id}`);
      }}
      done="A job does it: this is it."
      close={close}
    >
      {asked.kind === 'cancel' && preview && <Typed word={String(preview.matched)} />}
    </ActDialog>
  );
}
