// The chart on a real API server: taken as it is, unchanged by a second time, and its objects seen to act.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { examples, render } from './chart.js';
import { type Cluster, freePort, goModule, startCluster } from './cluster.js';
import { must } from './run.js';
import { tool } from './tools.js';

const SPACE = 'tempost';
const NODES = 6;
const METRIC =
  '/apis/external.metrics.k8s.io/v1beta1/namespaces/tempost/tempost_scale_emails?labelSelector=priority%3Dlow';
/** Fleets grow by four workers in 15 s. */
const SCALING_MS = 150_000;
const CRDS = [
  ['github.com/kedacore/keda/v2@v2.21.0', 'config/crd/bases'],
  ['github.com/prometheus-operator/prometheus-operator@v0.85.0', 'example/prometheus-operator-crd'],
] as const;
const NEEDED_CRDS = /keda\.sh_scaledobjects|monitoring\.coreos\.com_(servicemonitors|prometheusrules)/;
const APPLY = ['apply', '--server-side', '--force-conflicts', '--validate=strict', '-n', SPACE, '-f', '-'];

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly replicas: number };
  readonly status: { readonly readyReplicas?: number; readonly updatedReplicas?: number };
}

const isReady = (pod: Pod) =>
  !pod.metadata.deletionTimestamp &&
  (pod.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
const podsOf = (cluster: Cluster, component: string) =>
  cluster.list<Pod>('pods', '-n', SPACE, '-l', `app.kubernetes.io/component=${component}`);

/** @returns what was seen, a line each. */
export async function checkOnCluster(): Promise<string> {
  const helm = tool('helm', true);
  const cluster = await startCluster(NODES);
  try {
    for (const [module, path] of CRDS) {
      const files = must('ls', [join(goModule(module), path)])
        .split('\n')
        .filter((name) => NEEDED_CRDS.test(name));
      const args = files.flatMap((name) => ['-f', join(goModule(module), path, name)]);
      cluster.kubectl(['apply', '--server-side', ...args]);
    }
    cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SPACE, labels } };
    cluster.kubectl(['apply', '-f', '-'], JSON.stringify(space));
    const seen = [
      await takesEveryExample(cluster, helm),
      await rollsOut(cluster, helm),
      await replaces(cluster, helm),
      await keepsBudgets(cluster),
      await scales(cluster, helm),
    ];
    return ['', ...seen].join('\n   - ');
  } catch (error) {
    const { stdout } = cluster.ask(['get', 'deploy,pods,hpa', '-n', SPACE]);
    const events = cluster
      .ask(['get', 'events', '-n', SPACE, '--sort-by=.lastTimestamp'])
      .stdout.split('\n')
      .slice(-15);
    throw new Error([(error as Error).message, stdout, ...events].join('\n'));
  } finally {
    await cluster.stop();
  }
}

/** Helm deletes the migration of the version before; a Job's pods cannot be changed. */
function apply(cluster: Cluster, manifests: string): string[] {
  cluster.kubectl(['delete', 'job', '--all', '-n', SPACE]);
  return cluster.kubectl(APPLY, manifests).trim().split('\n');
}

/** Controllers look every second. */
const REST_MS = 4_000;

const KINDS = [
  ...['deploy', 'svc', 'cm', 'sa', 'job', 'pdb', 'netpol', 'ingress', 'hpa', 'scaledobjects.keda.sh'],
  ...['servicemonitors.monitoring.coreos.com', 'prometheusrules.monitoring.coreos.com'],
].join(',');
interface Something {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly labels: object;
  };
  readonly data?: object;
}

/** What can be seen of a change: the generation counts those of a specification, and a ConfigMap has none. */
const stateOf = (cluster: Cluster) =>
  cluster
    .list<Something>(KINDS, '-n', SPACE)
    .map(({ kind, metadata: { name, uid, generation, labels }, data }) =>
      JSON.stringify([kind, name, uid, generation, labels, data]),
    );

/** Each example twice: the second time nothing may change. And a misspelt field must be refused. */
async function takesEveryExample(cluster: Cluster, helm: string): Promise<string> {
  const counts: string[] = [];
  for (const example of examples()) {
    const manifests = render(helm, example);
    const objects = apply(cluster, manifests);
    // Autoscalers bring their fleets to the least number: a change of theirs, which is waited for.
    let before: string[] = [];
    let since = Date.now();
    await cluster.until('everything is at rest', () => {
      const now = stateOf(cluster);
      if (now.join() !== before.join()) since = Date.now();
      before = now;
      return Date.now() - since > REST_MS;
    });
    cluster.kubectl(APPLY, manifests);
    const changed = stateOf(cluster).filter((object) => !before.includes(object));
    if (changed.length > 0) throw new Error(`${example}: a second apply changes ${changed.join('\n')}`);
    counts.push(`${example} ${objects.length}`);
  }
  const wrong = render(helm, 'cloudnativepg').replace('pollingInterval', 'pollingIntervall');
  const refused = cluster.ask([...APPLY, '--dry-run=server'], wrong);
  if (refused.status === 0) throw new Error('a misspelt field of a ScaledObject is accepted');
  return `taken by server-side apply, objects: ${counts.join(', ')}; a second apply changes nothing`;
}

/** All pods of all processes, admitted under the restricted Pod Security Standard, spread over nodes; the migration ends. */
async function rollsOut(cluster: Cluster, helm: string): Promise<string> {
  const manifests = render(helm, 'temporal-cloud');
  // Other examples have workers of builds, which this one has not.
  cluster.kubectl(['delete', 'hpa,scaledobjects.keda.sh,deploy,pdb', '--all', '-n', SPACE]);
  apply(cluster, manifests);
  const ms = await cluster.until('every deployment is ready', () => {
    const all = cluster.list<Deployment>('deploy', '-n', SPACE);
    return (
      all.length === 6 &&
      all.every(
        ({ spec, status }) => status.readyReplicas === spec.replicas && status.updatedReplicas === spec.replicas,
      )
    );
  });
  await cluster.until('the migration has ended', () =>
    cluster.list<{ status: { succeeded?: number } }>('job', '-n', SPACE).every(({ status }) => status.succeeded === 1),
  );
  const nodes = new Set(podsOf(cluster, 'worker-critical').map(({ spec }) => spec.nodeName));
  if (nodes.size < 2) throw new Error('the pods of critical are on one node');
  return `six deployments ready after ${(ms / 1000).toFixed(1)} s under the restricted Pod Security Standard, critical on ${nodes.size} nodes`;
}

/** A new image, and at no moment fewer than two ready workers of critical. */
async function replaces(cluster: Cluster, helm: string): Promise<string> {
  const before = new Set(podsOf(cluster, 'worker-critical').map(({ metadata }) => metadata.name));
  apply(cluster, render(helm, 'temporal-cloud', '--set', 'image.tag=0.1.1'));
  let fewest = Number.POSITIVE_INFINITY;
  let looks = 0;
  await cluster.until('every worker of critical is a new one', () => {
    const pods = podsOf(cluster, 'worker-critical');
    const ready = pods.filter(isReady);
    fewest = Math.min(fewest, ready.length);
    looks++;
    return ready.length === 2 && pods.every(({ metadata }) => !before.has(metadata.name));
  });
  if (fewest < 2) throw new Error(`during the rollout ${fewest} workers of critical were ready`);
  return `a new image replaces all workers of critical, and in ${looks} looks never fewer than ${fewest} are ready`;
}

/** One pod of a process at a time: until its successor is ready, the next eviction is refused. */
async function keepsBudgets(cluster: Cluster): Promise<string> {
  const components = ['api', 'worker-critical'];
  const budgets = () =>
    cluster.list<{ metadata: { name: string }; status: { disruptionsAllowed: number } }>('pdb', '-n', SPACE);
  const isAllowed = () => budgets().every(({ status }) => status.disruptionsAllowed === 1);
  const evict = (name: string) =>
    cluster.post(`/api/v1/namespaces/${SPACE}/pods/${name}/eviction`, {
      ...{ apiVersion: 'policy/v1', kind: 'Eviction' },
      metadata: { name, namespace: SPACE },
    });
  await cluster.until('a disruption of each process is allowed', isAllowed);
  // Successors find no room: what a full cluster looks like.
  for (let n = 0; n < NODES; n++) cluster.kubectl(['cordon', `node-${n}`]);
  for (const component of components) {
    const names = podsOf(cluster, component)
      .filter(isReady)
      .map(({ metadata }) => metadata.name);
    const answers = [await evict(names[0]!), await evict(names[1]!)];
    // 429: not now, because of the budget.
    if (answers.join() !== '201,429') throw new Error(`${component}: evictions are answered ${answers.join()}`);
  }
  for (let n = 0; n < NODES; n++) cluster.kubectl(['uncordon', `node-${n}`]);
  await cluster.until('evictions are allowed again', isAllowed);
  return `without room for its successor, one pod can be evicted and the next is refused: ${components.join(', ')}`;
}

/** Starts what tells autoscalers their number. @returns how to set it. */
async function startAdapter(cluster: Cluster): Promise<(emails: Record<string, number>) => void> {
  const port = await freePort();
  const at = (name: string) => join(cluster.folder, name);
  const tell = (emails: Record<string, number>) => {
    // Whole at once: it is read meanwhile.
    writeFileSync(at('emails.new'), JSON.stringify(emails));
    renameSync(at('emails.new'), at('emails.json'));
  };
  tell({});
  const script = fileURLToPath(new URL('./adapter.mjs', import.meta.url));
  cluster.start('adapter', process.execPath, [
    ...[script, String(port), at('apiserver.crt'), at('apiserver.key'), at('emails.json')],
  ]);
  const service = { name: 'adapter', namespace: 'default' };
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: service,
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.external.metrics.k8s.io' },
      spec: {
        ...{ group: 'external.metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
        ...{ insecureSkipTLSVerify: true, service: { ...service, port } },
      },
    },
  ];
  cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await cluster.until('the number can be asked for', () =>
    /"value":"0"/.test(cluster.ask(['get', '--raw', METRIC]).stdout),
  );
  return tell;
}

/** A backlog makes low grow to what it needs and no further; a pause, for which the number is 0, makes nothing grow. */
async function scales(cluster: Cluster, helm: string): Promise<string> {
  const tell = await startAdapter(cluster);
  tell({ medium: 30, low: 270 });
  apply(cluster, render(helm, 'managed-postgresql', '--set', 'autoscaling.stabilizationSeconds=0'));
  const workers = (priority: string) => podsOf(cluster, `worker-${priority}`).filter(isReady).length;
  const isAtRest = () => workers('medium') === 2;
  const grown = await cluster.until(
    '270 e-mails at 40 a worker make 7 workers',
    () => workers('low') === 7,
    SCALING_MS,
  );
  await cluster.until('30 e-mails at 60 a worker keep 2 of medium', isAtRest);
  tell({ medium: 30, low: 100_000 });
  await cluster.until('the fleet grows to what it may have', () => workers('low') === 8, SCALING_MS);
  tell({ medium: 0, low: 0 });
  await cluster.until('a paused fleet shrinks', () => workers('low') < 8, SCALING_MS);
  let most = workers('low');
  for (let looks = 0; looks < 10; looks++) {
    await wait(500);
    const now = workers('low');
    if (now > most || workers('medium') > 2) throw new Error('a paused fleet grows');
    most = now;
  }
  const after = `${(grown / 1000).toFixed(1)} s`;
  return `270 waiting make 7 workers of low in ${after}, any number 8 at most; a paused fleet shrinks and never grows`;
}
