// `npm run check:deploy`: everything below deploy/ and the Dockerfile, against the programs that will read it. With
// --light only what takes under three minutes and needs nothing to be built. Goes on after a fault, so that one run
// tells all of them.
import { checkOnCluster } from './acting.js';
import { checkBackups } from './backups.js';
import { checkChart, checkProbes, checkSchemas } from './chart.js';
import { checkCompose, checkPatroni, checkTemporal, checkUnits, lintDockerfile } from './files.js';
import { checkHaproxy } from './haproxy.js';
import { checkRules } from './rules.js';
import { Skipped } from './run.js';
import { checkTemporalCompose } from './temporal-compose.js';
import { pythonPackage } from './tools.js';

interface Check {
  readonly name: string;
  /** @returns what was seen, in a few words. */
  readonly run: () => string | Promise<string>;
  readonly isHeavy?: boolean;
}

const isLight = process.argv.includes('--light');
const CHECKS: readonly Check[] = [
  { name: 'Dockerfile', run: lintDockerfile },
  { name: 'compose', run: checkCompose },
  { name: 'systemd units', run: checkUnits },
  { name: 'HAProxy', run: checkHaproxy },
  { name: 'Patroni', run: checkPatroni },
  { name: 'Temporal', run: () => checkTemporal(!isLight) },
  { name: 'Prometheus rules', run: checkRules },
  { name: 'backups', run: checkBackups, isHeavy: true },
  { name: 'chart', run: () => checkChart(!isLight) },
  { name: 'chart, by schemas', run: () => checkSchemas(!isLight, pythonPackage('kubernetes-validate==1.37.0')) },
  { name: 'chart, probes', run: () => checkProbes(!isLight) },
  { name: 'compose for Temporal, started', run: checkTemporalCompose, isHeavy: true },
  { name: 'chart, on a cluster', run: checkOnCluster, isHeavy: true },
];

let failed = 0;
for (const { name, run } of CHECKS.filter(({ isHeavy }) => !isLight || !isHeavy)) {
  const begun = Date.now();
  const say = (what: string) =>
    process.stdout.write(`${name}: ${what} (${((Date.now() - begun) / 1000).toFixed(1)} s)\n`);
  try {
    say(`ok, ${await run()}`);
  } catch (error) {
    if (error instanceof Skipped) say(`SKIPPED, ${error.message}`);
    else {
      failed++;
      say(`FAILED\n${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
process.stdout.write(failed > 0 ? `\n${failed} of the checks failed\n` : '\nNothing failed.\n');
process.exit(failed > 0 ? 1 : 0);
