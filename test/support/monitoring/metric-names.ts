import { readFileSync } from 'node:fs';

const DEFINED_IN = [
  ...['api', 'webhooks', 'activities', 'worker'].map((folder) => `${folder}/metrics.ts`),
  'process/metrics/registry.ts',
  ...['queues', 'scale', 'providers', 'leftovers', 'processes', 'disk', 'retention', 'service-levels'].map(
    (name) => `dispatcher/metrics/${name}.ts`,
  ),
];

/** Every metric of ours, by the sources that define them; a histogram by its bare name. */
export function metricNames(): string[] {
  return DEFINED_IN.flatMap((file) => {
    const source = readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8');
    return [...source.matchAll(/'(tempost_[a-z_]+)'/g)].map(([, name]) => name!);
  });
}
