// A real API server with its etcd, controllers and scheduler, and nodes whose kubelets kwok plays.
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ask, must, type Said, Skipped } from './run.js';
import { tool } from './tools.js';

/** Controllers that the chart's objects need; the others would only take time. */
const CONTROLLERS = [
  ...['deployment', 'replicaset', 'disruption', 'horizontal-pod-autoscaler', 'job', 'serviceaccount', 'namespace'],
  ...['garbage-collector', 'endpointslice'],
].map((name) => `${name}-controller`);

export interface Cluster {
  readonly folder: string;
  /** Starts one more process, which ends with the cluster. */
  start(name: string, command: string, args: readonly string[]): void;
  /** Runs kubectl; its end is the caller's to judge. */
  ask(args: readonly string[], input?: string): Said;
  /** Runs kubectl, which has to succeed. @returns its standard output. */
  kubectl(args: readonly string[], input?: string): string;
  /** The objects that `kubectl get` lists. */
  list<T>(...args: string[]): T[];
  /** Asks the API server itself, without kubectl's start. @returns the status. */
  post(path: string, body: object): Promise<number>;
  /** Waits until something is so. @throws Error naming it after the time. */
  until(what: string, look: () => boolean, withinMs?: number): Promise<number>;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The folder of a Go module's sources, fetched where it is missing. @throws Skipped when it cannot be had. */
export function goModule(module: string): string {
  const { status, stdout, stderr } = ask('go', ['mod', 'download', '-json', module], { cwd: tmpdir() });
  if (status !== 0) throw new Skipped(`${module} cannot be fetched: ${stderr || stdout}`);
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

/** Starts all of it in a folder of its own. @throws Skipped when a program cannot be had. */
export async function startCluster(nodes: number): Promise<Cluster> {
  const programs = { etcd: tool('etcd', true), kubernetes: tool('kubernetes', true), kwok: tool('kwok', true) };
  const stages = join(goModule('sigs.k8s.io/kwok@v0.8.0'), 'kustomize', 'stage');
  const folder = mkdtempSync(join(tmpdir(), 'tempost-cluster-'));
  const children: { name: string; child: ChildProcess }[] = [];
  const start = (name: string, command: string, args: readonly string[]) => {
    const log = openSync(join(folder, `${name}.log`), 'a');
    children.push({ name, child: spawn(command, args, { cwd: folder, stdio: ['ignore', log, log] }) });
  };
  const stop = async () => {
    for (const { child } of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(killer);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const kubeconfig = join(folder, 'kubeconfig');
  const run = (args: readonly string[], input?: string) =>
    ask(programs.kubernetes, ['kubectl', '--kubeconfig', kubeconfig, ...args], { input, cwd: folder });
  const kubectl = (args: readonly string[], input?: string) =>
    must(programs.kubernetes, ['kubectl', '--kubeconfig', kubeconfig, ...args], { input, cwd: folder });
  const cluster: Cluster = {
    folder,
    start,
    ask: run,
    kubectl,
    post: (path, body) => post(kubeconfig, path, body),
    list: (...args) => (JSON.parse(kubectl(['get', ...args, '-o', 'json'])) as { items: never[] }).items,
    async until(what, look, withinMs = 60_000) {
      const begun = Date.now();
      while (!look()) {
        const ended = children.find(({ child }) => child.exitCode !== null);
        if (ended) throw new Error(`${ended.name} has ended:\n${tail(join(folder, `${ended.name}.log`))}`);
        if (Date.now() - begun > withinMs) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
        await wait(250);
      }
      return Date.now() - begun;
    },
    stop,
  };
  try {
    await startServers(folder, kubeconfig, programs, start);
    await cluster.until('the API server is ready', () => run(['get', '--raw', '/readyz']).status === 0);
    for (const part of ['controller-manager', 'scheduler'])
      start(part, programs.kubernetes, [part, ...partArgs(part, kubeconfig)]);
    const kwokConfig = ['node/fast', 'node/heartbeat', 'pod/fast'];
    const config = join(folder, 'kwok.yaml');
    writeFileSync(config, kwokConfig.flatMap((name) => stageFiles(join(stages, name))).join('\n---\n'));
    start('kwok', programs.kwok, ['--kubeconfig', kubeconfig, '--manage-all-nodes=true', '--config', config]);
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: makeNodes(nodes) }));
    await cluster.until(
      'the nodes are ready',
      () => run(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=1s']).status === 0,
    );
    return cluster;
  } catch (error) {
    const logs = children.map(({ name }) => `${name}: ${tail(join(folder, `${name}.log`))}`);
    await stop();
    throw new Error(`${(error as Error).message}\n${logs.join('\n')}`);
  }
}

function post(kubeconfig: string, path: string, body: object): Promise<number> {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  const headers = { authorization: `Bearer ${users[0].user.token}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers, rejectUnauthorized: false };
    request(new URL(path, clusters[0].cluster.server), options, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', reject)
      .end(JSON.stringify(body));
  });
}

const tail = (file: string) => readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n');

const stageFiles = (folder: string) =>
  must('sh', ['-c', `ls ${JSON.stringify(folder)}/*.yaml`])
    .trim()
    .split('\n')
    .filter((path) => !path.endsWith('kustomization.yaml'))
    .map((path) => readFileSync(path, 'utf8'));

type Start = (name: string, command: string, args: readonly string[]) => void;

async function startServers(
  folder: string,
  kubeconfig: string,
  programs: { etcd: string; kubernetes: string },
  start: Start,
): Promise<void> {
  const [client, peer, api] = [await freePort(), await freePort(), await freePort()];
  const at = (port: number) => `http://127.0.0.1:${port}`;
  start('etcd', programs.etcd, [
    ...['--name=default', `--data-dir=${join(folder, 'etcd')}`, '--log-level=warn', '--unsafe-no-fsync'],
    ...[`--listen-client-urls=${at(client)}`, `--advertise-client-urls=${at(client)}`],
    ...[`--listen-peer-urls=${at(peer)}`, `--initial-advertise-peer-urls=${at(peer)}`],
    `--initial-cluster=default=${at(peer)}`,
  ]);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const signing = file('accounts.key', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const verifying = file('accounts.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
  const token = randomBytes(16).toString('hex');
  const tokens = file('tokens.csv', `${token},admin,1,system:masters\n`);
  start('apiserver', programs.kubernetes, [
    ...['apiserver', `--etcd-servers=${at(client)}`, `--secure-port=${api}`, '--bind-address=127.0.0.1'],
    ...[`--cert-dir=${folder}`, `--token-auth-file=${tokens}`, '--authorization-mode=RBAC'],
    ...['--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${verifying}`],
    ...[`--service-account-signing-key-file=${signing}`, '--service-cluster-ip-range=10.96.0.0/16'],
    // Nodes begin tainted, until a controller has seen them alive: on a busy machine it would take them for dead.
    '--disable-admission-plugins=TaintNodesByCondition',
  ]);
  const cluster = { server: `https://127.0.0.1:${api}`, 'insecure-skip-tls-verify': true };
  file(
    'kubeconfig',
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    }),
  );
  if (kubeconfig !== join(folder, 'kubeconfig')) throw new Error('the configuration is looked for elsewhere');
}

function partArgs(part: string, kubeconfig: string): string[] {
  const common = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'];
  if (part === 'scheduler') return common;
  return [...common, `--controllers=${CONTROLLERS.join(',')}`, '--horizontal-pod-autoscaler-sync-period=1s'];
}

/** Nodes in three zones, with room for everything. */
function makeNodes(count: number) {
  const room = { cpu: '8', memory: '32Gi', pods: '110' };
  return Array.from({ length: count }, (_, n) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `node-${n}`,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/hostname': `node-${n}`, 'topology.kubernetes.io/zone': `zone-${n % 3}` },
    },
    status: { allocatable: room, capacity: room },
  }));
}
