import { readFileSync } from 'node:fs';

const DEFINED_IN = [
  ...['api', 'webhooks', 'activities', 'worker'].map((folder) => `${folder}/metrics.ts`),
  'process/metrics/registry.ts',
  ...['queues', 'scale', 'providers', 'leftovers', 'processes', 'builds', 'disk', 'retention', 'service-levels'].map(
    (name) => `dispatcher/metrics/${name}.ts`,
  ),
];

const BACKUPS = 'deploy/barman/tempost-backup';

/** Every metric of our processes, by the sources that define them; a histogram by its bare name. */
export const metricNames = (): string[] => DEFINED_IN.flatMap((file) => namedIn(`src/${file}`));

/** Those that backups write for node_exporter. */
export const metricNamesOfBackups = (): string[] => namedIn(BACKUPS);

function namedIn(path: string): string[] {
  const source = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  return [...source.matchAll(/['"](tempost_[a-z_]+)['"]/g)].map(([, name]) => name!);
}
