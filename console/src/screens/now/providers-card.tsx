import { Link } from 'wouter';
import type { LiveSample } from '../../api/live.js';
import { Card } from '../../ui/card.js';
import { count } from '../../ui/numbers.js';
import { Pill } from '../../ui/pill.js';
import { Spark } from '../../ui/spark.js';
import { type Column, Table } from '../../ui/table.js';
import { milliseconds } from '../../ui/time.js';
import { troubleOf } from './alarms.js';
import type { History } from './use-history.js';

type Provider = LiveSample['providers'][number];

/** What a provider's breaker says, or an operator in its place. */
export function BreakerPill({ provider }: { readonly provider: Provider }) {
  const { enabled, forced, breaker } = provider;
  if (!enabled) return <Pill tone="plain">Off</Pill>;
  if (forced) return <Pill tone={forced === 'open' ? 'bad' : 'warn'}>Forced {forced}</Pill>;
  if (breaker.misconfigured) return <Pill tone="bad">Account refused</Pill>;
  if (breaker.state === 'open') return <Pill tone="bad">Open</Pill>;
  if (breaker.state === 'half_open') return <Pill tone="warn">Half open</Pill>;
  return <Pill tone="good">Closed</Pill>;
}

/** How much of a quota is used. */
export function Quota({ provider }: { readonly provider: Provider }) {
  const { used_today, per_day } = provider;
  if (per_day === null) return <span className="nowrap">{count(used_today)}</span>;
  return (
    <span className="nowrap">
      {count(used_today)} of {count(per_day)}
    </span>
  );
}

/** The providers that are sent through: whether they take mail, how much, how fast, and what they refuse. */
export function ProvidersCard({ sample, history }: { readonly sample: LiveSample; readonly history: History }) {
  const callsOf = (provider: Provider) => sample.calls.find((each) => each.provider === provider.provider);
  const columns: readonly Column<Provider>[] = [
    { name: 'Provider', cell: (provider) => <span className="strong">{provider.provider}</span> },
    {
      name: 'Breaker',
      cell: (provider) => (
        <span title={troubleOf(provider)}>
          <BreakerPill provider={provider} />
        </span>
      ),
    },
    { name: 'Calls today', end: true, cell: (provider) => <Quota provider={provider} /> },
    { name: 'Errors, 5 min', end: true, cell: (provider) => <Errors calls={callsOf(provider)} /> },
    { name: 'Half / 95 % within', end: true, cell: (provider) => <Times calls={callsOf(provider)} /> },
    {
      name: 'Last hour',
      cell: (provider) => (
        <Spark
          values={history.course('providers', provider.provider, 'accepted')}
          label={`Accepted calls over the last hour, ${provider.provider}`}
        />
      ),
    },
  ];
  return (
    <Card
      title="Providers"
      aside={
        <Link className="small" href="/providers">
          All about them
        </Link>
      }
    >
      <Table
        label="Providers"
        columns={columns}
        rows={sample.providers.filter(({ configured }) => configured)}
        keyOf={({ provider }) => provider}
      />
    </Card>
  );
}

type Calls = LiveSample['calls'][number] | undefined;

function Errors({ calls }: { readonly calls: Calls }) {
  if (!calls) return <span className="soft">no calls</span>;
  const failed = calls.refused + calls.unknown;
  const all = failed + calls.accepted;
  return (
    <span className={`nowrap ${failed > 0 ? 'bad' : ''}`}>
      {count(failed)} of {count(all)}
    </span>
  );
}

function Times({ calls }: { readonly calls: Calls }) {
  if (calls?.median_ms == null || calls.p95_ms == null) return <span className="soft times">–</span>;
  return (
    <span className="nowrap times">
      {milliseconds(calls.median_ms)} / {milliseconds(calls.p95_ms)}
    </span>
  );
}
