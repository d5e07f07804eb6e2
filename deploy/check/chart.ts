// The chart as Helm renders it, for each example of values.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, must, root } from './run.js';
import { tool } from './tools.js';

const { loadAll } = createRequire(import.meta.url)('js-yaml') as { loadAll: (text: string) => (Manifest | null)[] };

export const CHART = join(root, 'deploy', 'helm', 'tempost');
/** Helm has no cluster to ask when it renders. */
export const KUBERNETES = '1.34.2';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Record<string, string>;
    readonly labels?: Record<string, string>;
  };
  /** Of a ConfigMap. */
  readonly data?: Record<string, string>;
  readonly spec?: {
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
  };
}
interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: number };
}
interface Container {
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

export const examples = (): string[] => readdirSync(join(CHART, 'examples')).map((name) => name.replace(/\.yaml$/, ''));
export const valuesOf = (example: string) => join(CHART, 'examples', `${example}.yaml`);

/** @returns the manifests as text. */
export function render(helm: string, example: string, ...more: string[]): string {
  const args = ['template', 'tempost', CHART, '--namespace', 'tempost', '--kube-version', KUBERNETES];
  return must(helm, [...args, '--values', valuesOf(example), ...more]);
}

export const parse = (text: string): Manifest[] => loadAll(text).filter((manifest) => manifest !== null);

/** What the chart has to refuse, with what it has to say. */
const WRONG_VALUES: readonly (readonly [setting: string, says: RegExp])[] = [
  ['fleets.critical.replicas=1', /fleets.*critical.*replicas|minimum/],
  ['api.replica=3', /additional properties/],
  ['config.SMTP_URL=smtp://user:secret@example.com', /SMTP_URL/],
  ['config.IN_FLIGHT_LOW=9', /IN_FLIGHT_LOW/],
  ['image.repository=', /image\.repository: required/],
  ['temporal.address=temporal', /temporal.*address/],
];

/** Lints and renders every example; refuses what has to be refused. */
export function checkChart(build: boolean): string {
  const helm = tool('helm', build);
  for (const example of examples()) must(helm, ['lint', '--strict', CHART, '--values', valuesOf(example)]);
  const counts = examples().map((example) => `${example} ${parse(render(helm, example)).length}`);
  for (const [setting, says] of WRONG_VALUES) {
    const args = ['template', 'tempost', CHART, '--kube-version', KUBERNETES, '--values', valuesOf('temporal-cloud')];
    const { status, stderr } = ask(helm, [...args, '--set', setting]);
    if (status === 0) throw new Error(`the chart takes ${setting}`);
    if (!says.test(stderr)) throw new Error(`of ${setting} the chart says only: ${stderr}`);
  }
  checkFiles(helm);
  checkBuilds(helm);
  checkFirstBuild(helm);
  return `objects: ${counts.join(', ')}; ${WRONG_VALUES.length} wrong values refused`;
}

/** Rules and dashboards reach the chart by links: whoever packs it must not leave them out. */
function checkFiles(helm: string): void {
  const manifests = parse(render(helm, 'cloudnativepg'));
  const rules = manifests.filter(({ kind }) => kind === 'PrometheusRule');
  const files = readdirSync(join(root, 'deploy', 'prometheus', 'rules')).filter((name) => name.endsWith('.rules.yaml'));
  if (rules.length !== files.length || files.length === 0) {
    throw new Error(`${files.length} files of rules, and ${rules.length} PrometheusRules`);
  }
  const folder = join(root, 'deploy', 'grafana', 'dashboards');
  const shipped = manifests.filter(({ metadata }) => metadata.labels?.grafana_dashboard === '1');
  for (const name of readdirSync(folder)) {
    const same = shipped.some(({ data }) => data?.[name] === readFileSync(join(folder, name), 'utf8'));
    if (!same) throw new Error(`no ConfigMap holds ${name} as it is in deploy/grafana`);
  }
}

/** An older build keeps its image, and fleets of its own that nothing else selects. */
function checkBuilds(helm: string): void {
  const manifests = parse(render(helm, 'temporal-chart', '--set', 'image.tag=1.3.0'));
  for (const priority of ['critical', 'medium', 'low']) {
    for (const [component, build] of [
      [`worker-${priority}`, '1.3.0'],
      [`worker-${priority}-1-2-0`, '1.2.0'],
    ]) {
      const own = manifests.filter((each) =>
        JSON.stringify(each).includes(`"app.kubernetes.io/component":"${component}"`),
      );
      const kinds = own.map(({ kind }) => kind).filter((kind) => !/Scal/.test(kind));
      if (kinds.toSorted().join() !== 'Deployment,NetworkPolicy,PodDisruptionBudget,Service')
        throw new Error(`${component}: ${kinds}`);
      const deployment = JSON.stringify(own.find(({ kind }) => kind === 'Deployment'));
      for (const part of [`"name":"WORKER_BUILD_ID","value":"${build}"`, `/tempost:${build}"`]) {
        if (!deployment.includes(part)) throw new Error(`${component} has no ${part}`);
      }
    }
  }
}

/** Before the first build workers have none: they are kept as an older fleet, and the upgrade that adds it ends no pod. */
function checkFirstBuild(helm: string): void {
  const deploymentsOf = (...sets: string[]) =>
    parse(render(helm, 'temporal-chart', ...sets.flatMap((set) => ['--set', set]))).filter(
      ({ kind }) => kind === 'Deployment',
    );
  const now = ['image.tag=1.2.0', 'workerBuild='];
  const before = deploymentsOf(...now, 'olderBuilds=null');
  const first = deploymentsOf(...now, 'olderBuilds[0].build=');
  const second = deploymentsOf('image.tag=1.3.0', 'olderBuilds[0].build=');
  for (const { metadata, spec } of before) {
    const same = first.find((each) => each.metadata.name === metadata.name);
    if (JSON.stringify(same?.spec) !== JSON.stringify(spec)) throw new Error(`${metadata.name} is replaced`);
  }
  for (const priority of ['critical', 'medium', 'low']) {
    const kept = [first, second].map((manifests) => {
      const fleet = manifests.find(({ metadata }) => metadata.name.endsWith(`-worker-${priority}-none`));
      return JSON.stringify(fleet?.spec);
    });
    if (!kept[0] || kept[0] !== kept[1]) throw new Error(`the second upgrade replaces ${priority} without a build`);
    if (kept[0].includes('WORKER_BUILD_ID')) throw new Error(`${priority} without a build has one`);
    if (!kept[0].includes('/tempost:1.2.0"')) throw new Error(`${priority} without a build has another image`);
  }
}

/** The built-in kinds, by the API's own schemas; objects of operators are left to the API server. */
export function checkSchemas(build: boolean, packages: string): string {
  const helm = tool('helm', build);
  const folder = mkdtempSync(join(tmpdir(), 'tempost-chart-'));
  try {
    const files = examples().map((example) => {
      const file = join(folder, `${example}.yaml`);
      writeFileSync(file, render(helm, example));
      return file;
    });
    const env = { ...process.env, PYTHONPATH: packages };
    const validate = (...paths: string[]) =>
      ask(
        'python3',
        [join(packages, 'bin', 'kubernetes-validate'), '--strict', '--quiet', '--no-warn', '-k', '1.34', ...paths],
        { env },
      );
    const { status, stdout, stderr } = validate(...files);
    if (status !== 0) throw new Error(`${stdout}${stderr}`.trim());
    const wrong = join(folder, 'wrong.yaml');
    writeFileSync(wrong, readFileSync(files[0]!, 'utf8').replace('readOnlyRootFilesystem', 'readOnlyRootFilesytem'));
    if (validate(wrong).status === 0) throw new Error('a misspelt field is accepted: it checks nothing');
    return `${files.length} examples`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PROBES = { startupProbe: '/healthz', livenessProbe: '/healthz', readinessProbe: '/readyz' } as const;

/** Every process is asked where it answers: api and webhooks where they serve, the others on METRICS_PORT. */
export function checkProbes(build: boolean): string {
  const manifests = parse(render(tool('helm', build), 'temporal-cloud', '--set', 'metrics.port=9999'));
  const environment = Object.assign({}, ...manifests.map(({ data }) => data ?? {})) as Record<string, string>;
  const deployments = manifests.filter(({ kind }) => kind === 'Deployment');
  for (const { metadata, spec } of deployments) {
    const container = spec!.template!.spec.containers[0]!;
    const variable = /-(api|webhooks)$/.exec(metadata.name)?.[1]?.toUpperCase() ?? 'METRICS';
    const port = Number(environment[`${variable}_PORT`]);
    for (const [probe, path] of Object.entries(PROBES)) {
      const asked = container[probe as keyof typeof PROBES]?.httpGet;
      if (asked?.path !== path || asked.port !== port) {
        throw new Error(`${metadata.name}: its ${probe} asks ${JSON.stringify(asked)}, not ${path} on ${port}`);
      }
    }
  }
  return `${deployments.length} processes are asked where they answer`;
}
