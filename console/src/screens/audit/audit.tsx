import { useInfiniteQuery } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { Link } from 'wouter';
import type { Act } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { Card, PageHead } from '../../ui/card.js';
import { any, Choice } from '../../ui/field.js';
import { Pill } from '../../ui/pill.js';
import { Answer, Empty, NextPage } from '../../ui/states.js';
import { type Column, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

const KINDS = [
  'queue',
  'provider',
  'client',
  'key',
  'email',
  'dead_letter',
  'hold',
  'sender',
  'suppression',
  'job',
  'routing',
] as const;
const SOURCES = ['api', 'cli', 'console', 'temporal'] as const;

const COLUMNS: readonly Column<Act>[] = [
  { name: 'At', cell: ({ at }) => <Time at={at} /> },
  {
    name: 'Who',
    cell: ({ client_name, key_name, address }) => (
      <span title={address ?? undefined}>{[client_name, key_name].filter(Boolean).join('/') || 'not known'}</span>
    ),
  },
  { name: 'By', cell: ({ source }) => <Pill>{source}</Pill> },
  { name: 'What', cell: ({ action }) => <span className="strong">{action}</span> },
  { name: 'To what', cell: (act) => <Target act={act} /> },
  { name: 'Why', cell: ({ reason }) => reason ?? <span className="soft">–</span> },
  {
    name: 'Change',
    cell: (act) => (
      <span className="small soft">
        <Change act={act} />
      </span>
    ),
  },
];

function Target({ act: { target_kind, target_id } }: { readonly act: Act }) {
  if (target_kind === 'email' || target_kind === 'dead_letter') {
    return (
      <Link className="mono" href={`/emails/${target_id}`}>
        {target_id}
      </Link>
    );
  }
  return <span className={target_id.length > 20 ? 'mono' : ''}>{target_id}</span>;
}

type State = Act['before'];

const MOMENT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const isNone = (value: unknown) => value === null || value === undefined;

function Value({ of }: { readonly of: unknown }) {
  if (isNone(of)) return 'none';
  if (typeof of === 'string') return MOMENT.test(of) ? <Time at={of} /> : of;
  return typeof of === 'object' ? JSON.stringify(of) : String(of);
}

/** What is different afterwards, in few words. */
function Change({ act: { before, after } }: { readonly act: Act }) {
  const [was, is]: [NonNullable<State>, NonNullable<State>] = [before ?? {}, after ?? {}];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((name) => name !== 'reason' && JSON.stringify(was[name]) !== JSON.stringify(is[name]))
    // Of what is new, what it does not have says nothing.
    .filter((name) => before !== null || !isNone(is[name]))
    .slice(0, 4);
  return names.map((name, n) => (
    <Fragment key={name}>
      {n > 0 && ', '}
      {name}{' '}
      {before !== null && (
        <>
          <Value of={was[name]} /> →{' '}
        </>
      )}
      <Value of={is[name]} />
    </Fragment>
  ));
}

/** Who did what, by which way, and why. */
export function Audit() {
  const [kind, setKind] = useState('');
  const [source, setSource] = useState('');
  const query = useInfiniteQuery({
    queryKey: ['audit', kind, source],
    queryFn: ({ pageParam, signal }) => {
      const filter = { kind: KINDS.find((each) => each === kind), source: SOURCES.find((each) => each === source) };
      return call('listAudit', { query: { ...filter, limit: 50, cursor: pageParam } }, signal);
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  return (
    <>
      <PageHead
        title="Audit"
        about="Each change that somebody made, written in the change’s own transaction; and each look at a content."
      />
      <Card title="What was done">
        <div className="filters">
          <Choice label="To a" name="kind" options={any(KINDS)} value={kind} onChange={setKind} />
          <Choice label="By" name="source" options={any(SOURCES)} value={source} onChange={setSource} />
        </div>
        <Answer of={query}>
          {({ pages }) => {
            const acts = pages.flatMap((page) => page.acts);
            if (acts.length === 0) return <Empty title="Nothing of that kind was done." />;
            return <Table label="Audit" columns={COLUMNS} rows={acts} keyOf={({ id }) => String(id)} />;
          }}
        </Answer>
        <NextPage of={query}>Earlier</NextPage>
      </Card>
    </>
  );
}
