import { useState } from 'react';
import type { AnswerOf } from '../../api/call.js';
import type { LiveSample } from '../../api/live.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { Chart } from '../../ui/chart.js';
import { count, plural } from '../../ui/numbers.js';
import { type Column, Table } from '../../ui/table.js';
import { milliseconds, Time } from '../../ui/time.js';
import { troubleOf } from '../now/alarms.js';
import { BreakerPill, Quota } from '../now/providers-card.js';
import { LimitsDialog, SwitchDialog } from './dialogs.js';

export type Provider = LiveSample['providers'][number];
type Samples = AnswerOf<'listSamples'>['samples'];

interface ProviderCardProps {
  readonly provider: Provider;
  readonly samples: Samples;
}

export function ProviderCard({ provider, samples }: ProviderCardProps) {
  const may = useMay();
  const [dialog, setDialog] = useState<'switch' | 'limits'>();
  const close = () => setDialog(undefined);
  return (
    <Card
      title={
        <>
          {provider.provider} <BreakerPill provider={provider} />
        </>
      }
      aside={
        may('changeProvider') && (
          <div className="actions">
            <button type="button" className="button is-small" onClick={() => setDialog('switch')}>
              Switch…
            </button>
            <button type="button" className="button is-small" onClick={() => setDialog('limits')}>
              Limits…
            </button>
          </div>
        )
      }
    >
      <div className="provider">
        <State provider={provider} />
        <Charts provider={provider} samples={samples} />
      </div>
      <Blocked provider={provider} />
      {dialog === 'switch' && <SwitchDialog provider={provider} close={close} />}
      {dialog === 'limits' && <LimitsDialog provider={provider} close={close} />}
    </Card>
  );
}

function State({ provider }: { readonly provider: Provider }) {
  const { breaker, rate_per_s, reason, changed_at, changed_by } = provider;
  const trouble = troubleOf(provider);
  return (
    <dl className="facts">
      <dt>Takes mail</dt>
      <dd className={trouble ? 'bad' : 'good'}>{trouble ? `no: ${trouble}` : 'yes'}</dd>
      <dt>Failures in a row</dt>
      <dd>
        {count(breaker.failures)}
        {breaker.last_code && <span className="soft"> (last {breaker.last_code})</span>}
      </dd>
      {breaker.state !== 'closed' && breaker.opened_at && (
        <>
          <dt>Open since</dt>
          <dd>
            <Time at={breaker.opened_at} />
          </dd>
        </>
      )}
      {breaker.probe_at && breaker.state !== 'closed' && (
        <>
          <dt>Next probe</dt>
          <dd>
            <Time at={breaker.probe_at} />
          </dd>
        </>
      )}
      <dt>Calls today</dt>
      <dd>
        <Quota provider={provider} />
      </dd>
      <dt>Rate</dt>
      <dd>{rate_per_s === null ? 'no limit' : `${rate_per_s} a second`}</dd>
      {reason && (
        <>
          <dt>Last changed</dt>
          <dd>
            <Time at={changed_at} /> by {changed_by ?? 'somebody'}: {reason}
          </dd>
        </>
      )}
    </dl>
  );
}

type Numbers = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

function Charts({ provider, samples }: ProviderCardProps) {
  const times = samples.map(({ at }) => new Date(at).getTime() / 1_000);
  const course = (number: string, none: number | null) =>
    samples.map(({ sample }) => {
      const value = (sample.providers as Numbers)[provider.provider]?.[number];
      return typeof value === 'number' ? value : none;
    });
  return (
    <>
      <Chart
        label={`Calls of ${provider.provider} by what came of them`}
        times={times}
        format={(value) => count(Math.round(value))}
        lines={[
          { name: 'accepted', colour: 'good', values: course('accepted', 0) },
          { name: 'refused', colour: 'bad', values: course('refused', 0) },
          { name: 'outcome unknown', colour: 'warn', values: course('unknown', 0) },
        ]}
      />
      <Chart
        label={`How long calls of ${provider.provider} took`}
        times={times}
        format={milliseconds}
        least={200}
        lines={[
          { name: 'half within', colour: 'medium', values: course('median_ms', null) },
          { name: '95 % within', colour: 'critical', values: course('p95_ms', null) },
        ]}
      />
    </>
  );
}

type Block = Provider['blocked_domains'][number];

const COLUMNS: readonly Column<Block>[] = [
  { name: 'Domain', cell: ({ domain }) => domain },
  { name: 'Why', cell: ({ code }) => code },
  { name: 'Until', cell: ({ until }) => <Time at={until} /> },
];

function Blocked({ provider: { blocked_domains } }: { readonly provider: Provider }) {
  if (blocked_domains.length === 0) return null;
  return (
    <>
      <h3>{plural(blocked_domains.length, 'sender domain')} that it does not take for now</h3>
      <Table label="Blocked sender domains" columns={COLUMNS} rows={blocked_domains} keyOf={({ domain }) => domain} />
    </>
  );
}
