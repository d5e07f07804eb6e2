import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import type { LiveSample } from '../../api/live.js';
import { useLive } from '../../api/live.js';
import { PageHead } from '../../ui/card.js';
import { Empty, Loading } from '../../ui/states.js';
import { PERIODS, type Period, Periods } from './periods.js';
import { ProviderCard } from './provider-card.js';

const AGAIN_MS = 30_000;

/** The providers: what they did lately, what stands between them and mail, and the switches. */
export function Providers() {
  const { sample } = useLive();
  const [period, setPeriod] = useState<Period>('1h');
  const { data } = useQuery({
    queryKey: ['samples', period],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - PERIODS[period].ms).toISOString();
      return call('listSamples', { query: { from, points: 240 } }, signal);
    },
    refetchInterval: AGAIN_MS,
  });
  if (!sample) return <Loading />;
  const configured = sample.providers.filter((provider) => provider.configured);
  const others = sample.providers.filter((provider) => !provider.configured);
  return (
    <>
      <PageHead
        title="Providers"
        about="In the order in which they are tried. Charts are of calls in the five minutes before."
      >
        <Periods value={period} change={setPeriod} />
      </PageHead>
      {configured.length === 0 && <Empty title="No provider is configured: see PROVIDERS." />}
      <div className="stack">
        {configured.map((provider) => (
          <ProviderCard key={provider.provider} provider={provider} samples={data?.samples ?? []} />
        ))}
        {others.length > 0 && (
          <p className="soft small">
            Not configured: {others.map(({ provider }: LiveSample['providers'][number]) => provider).join(', ')}.
          </p>
        )}
      </div>
    </>
  );
}
