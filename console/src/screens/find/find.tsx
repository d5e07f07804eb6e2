import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Redirect, useLocation, useSearch } from 'wouter';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { PageHead } from '../../ui/card.js';
import { any, Choice } from '../../ui/field.js';
import { PRIORITIES } from '../../ui/priorities.js';
import { Empty } from '../../ui/states.js';
import { meaningOf, type Query, readQuery, writeQuery } from './query.js';
import { Results } from './results.js';

const STATUSES = [
  ...[
    'scheduled',
    'queued',
    'sending',
    'retrying',
    'unconfirmed',
    'sent',
    'deferred',
    'delivered',
    'opened',
    'clicked',
  ],
  ...['failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'dead'],
];
const PERIODS: [string, string][] = [
  ['', 'the last 30 days'],
  ['1h', 'the last hour'],
  ['24h', 'the last 24 hours'],
  ['7d', 'the last 7 days'],
  ['366d', 'the last year'],
];
const HOURS: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 168, '366d': 366 * 24 };

/** When a period begins, to the minute, so that it is the same question for a while. */
function beginOf(period: string): string | undefined {
  const hours = HOURS[period];
  if (!hours) return undefined;
  return new Date(Math.floor(Date.now() / 60_000) * 60_000 - hours * 3_600_000 + 60_000).toISOString();
}

/** One box for everything that an e-mail is known by; the filters beside it. */
export function Find() {
  const query = readQuery(useSearch());
  const [, go] = useLocation();
  const change = (part: Partial<Query>) => go(`/find?${writeQuery({ ...query, ...part })}`, { replace: true });
  return (
    <>
      <PageHead title="Find" about="By receiver, sender, id, Message-ID, tag or client; the newest first." />
      <div className="stack">
        <section className="card stack" aria-label="What to look for">
          <Box key={query.q} value={query.q} search={(q) => change({ q })} />
          <div className="filters">
            <Choice
              label="Status"
              name="status"
              options={any(STATUSES)}
              value={query.status}
              onChange={(status) => change({ status })}
            />
            <Choice
              label="Priority"
              name="priority"
              options={any(PRIORITIES)}
              value={query.priority}
              onChange={(priority) => change({ priority })}
            />
            <Choice
              label="Accepted in"
              name="from"
              options={PERIODS}
              value={query.from}
              onChange={(from) => change({ from })}
            />
          </div>
        </section>
        <Found query={query} search={(q) => change({ q })} />
      </div>
    </>
  );
}

function Box({ value, search }: { readonly value: string; readonly search: (q: string) => void }) {
  const [text, setText] = useState(value);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    search(text.trim());
  };
  return (
    <search>
      <form className="search" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="find">
          Receiver, id, Message-ID, tag or client
        </label>
        <input
          id="find"
          type="search"
          value={text}
          placeholder="ada@example.org, an id, from:shop@example.com, tag:receipt, client:…"
          autoComplete="off"
          spellCheck={false}
          maxLength={600}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit" className="button is-primary">
          Find
        </button>
      </form>
    </search>
  );
}

function Found({ query, search }: { readonly query: Query; readonly search: (q: string) => void }) {
  const meaning = meaningOf(query.q);
  const common = { status: query.status, priority: query.priority, from: beginOf(query.from) };
  if (meaning.kind === 'email') return <Redirect to={`/emails/${meaning.id}`} replace />;
  if (meaning.kind === 'name') return <Named name={meaning.name} common={common} search={search} />;
  const filter = meaning.kind === 'filter' ? meaning.filter : {};
  return <Results filter={{ ...common, ...filter }} />;
}

interface NamedProps {
  readonly name: string;
  readonly common: Readonly<Record<string, string | undefined>>;
  readonly search: (q: string) => void;
}

/** A word that is no address and no id: mail with it as a tag, and clients of such a name beside it. */
function Named({ name, common, search }: NamedProps) {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['clients', 'all'],
    queryFn: ({ signal }) => call('listClients', { query: { limit: 200 } }, signal),
    enabled: may('listClients'),
    staleTime: 60_000,
  });
  const clients = (data?.clients ?? []).filter((client) => client.name.toLowerCase().includes(name.toLowerCase()));
  return (
    <>
      {clients.length > 0 && (
        <div className="actions">
          {clients.slice(0, 8).map((client) => (
            <button key={client.id} type="button" className="button" onClick={() => search(`client:${client.id}`)}>
              Mail of the client {client.name}
            </button>
          ))}
        </div>
      )}
      <Results filter={{ ...common, tag: name }} none={<Empty title={`No e-mail has the tag “${name}”.`} />} />
    </>
  );
}
