import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../src/dev/processes/child.js';
import { patient } from './patience.js';
import { freePorts } from './ports.js';
import type { AcceptedCall } from './stack/accepted-call.js';
import type { EmailView } from './stack/email-view.js';
import { balancePairs, type Pairs, type StartBalancer } from './stack/pairs.js';
import type { Places } from './stack/places.js';
import { type Instance, PROCESS_NAMES, PROCESSES, type ProcessName, second } from './stack/processes.js';
import { stackEnvironment } from './stack-environment.js';
import { until } from './until.js';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));

export type { AcceptedCall } from './stack/accepted-call.js';
export type { EmailView } from './stack/email-view.js';
export { PROCESS_NAMES, PROCESSES, type ProcessName, second } from './stack/processes.js';

export interface StackOptions {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace?: string;
  /** More environment for every process, or other values. */
  readonly env?: Readonly<Record<string, string>>;
  /** What only one of them is told, and what only one instance of it, such as `second-api`. */
  readonly envOf?: Partial<Readonly<Record<Instance, Readonly<Record<string, string>>>>>;
  readonly inbox?: boolean;
  /** Another build than this project's own. */
  readonly dist?: string;
  /** Another build for single ones, such as that of the release before. */
  readonly distOf?: (name: ProcessName) => string | undefined;
  /** Those that are not needed. */
  readonly without?: readonly ProcessName[];
  /** Two of every process of ours, the second named `second-…`; api and webhooks stand behind a balancer. */
  readonly twoOfEach?: boolean;
  /** What that balancer is; default: one of our own. */
  readonly startBalancer?: StartBalancer;
  /** Where each process is; default: all on 127.0.0.1. */
  readonly places?: Places;
}

export interface Submission {
  readonly sender?: string;
  readonly receiver?: string;
  readonly subject?: string;
  readonly content?: string;
  readonly priority?: string;
  readonly send_at?: string;
  readonly attachment?: { readonly filename: string; readonly bytes: Uint8Array };
  readonly idempotencyKey?: string;
}

interface Running {
  readonly pid: number;
  readonly exited: Promise<unknown>;
}

/** The whole system as real processes on free ports, each of which can be killed and started again. */
export class Stack {
  readonly key = `test-${randomBytes(24).toString('base64url')}`;
  readonly directory = mkdtempSync(join(tmpdir(), 'tempost-stack-'));
  private readonly running = new Map<string, Running>();
  private readonly builds = new Map<string, string>();
  private pairs: Pairs | undefined;

  private constructor(
    readonly ports: Readonly<Record<'api' | 'webhooks' | 'sandbox' | 'inbox' | 'smtp', number>>,
    private readonly options: StackOptions,
  ) {}

  /** Starts every process and waits until the system is ready to take mail. */
  static async start(options: StackOptions): Promise<Stack> {
    const names = ['api', 'webhooks', 'sandbox', 'inbox', 'smtp'] as const;
    const free = await freePorts(names.length);
    const ports = Object.fromEntries(names.map((name, index) => [name, free[index]!])) as Stack['ports'];
    const stack = new Stack(ports, options);
    live.add(stack);
    try {
      const needed = PROCESS_NAMES.filter((name) => !options.without?.includes(name));
      if (options.twoOfEach) stack.pairs = await balancePairs(ports, options.startBalancer);
      const twice = options.twoOfEach ? needed.filter((name) => name !== 'sandbox') : [];
      await Promise.all([
        ...needed.map((name) => stack.startProcess(name)),
        ...twice.map((name) => stack.startProcess(name, second(name))),
      ]);
      await stack.ready();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  private get front() {
    return this.options.places?.front ?? '127.0.0.1';
  }
  get api() {
    return `http://${this.front}:${this.ports.api}`;
  }
  get webhooks() {
    return `http://${this.front}:${this.ports.webhooks}`;
  }
  get sandbox() {
    return `http://${this.options.places?.of('sandbox').address ?? '127.0.0.1'}:${this.ports.sandbox}`;
  }
  get inbox() {
    return `http://127.0.0.1:${this.ports.inbox}`;
  }

  async ready(): Promise<void> {
    for (const url of [`${this.api}/readyz`, `${this.webhooks}/readyz`, `${this.sandbox}/healthz`]) {
      await until(
        `${url} answers 200`,
        async () => (await fetch(url, { signal: AbortSignal.timeout(patient(2_000)) })).ok,
        20_000,
      );
    }
  }

  /**
   * @param instance another name for a second process of one kind.
   * @param build the `dist` it is of from now on; default: as before.
   */
  async startProcess(name: ProcessName, instance: string = name, build?: string): Promise<void> {
    const [script, ...own] = PROCESSES[name];
    const place = this.options.places?.of(instance);
    if (build) this.builds.set(instance, build);
    const from = this.builds.get(instance) ?? this.options.distOf?.(name) ?? this.options.dist ?? dist;
    const log = createWriteStream(join(this.directory, `${instance}.log`), { flags: 'a' });
    const node = [process.execPath, ...NODE_FLAGS, join(from, script), ...own];
    const [command, ...args] = [...(place?.before ?? []), ...node];
    const child = spawn(command!, args, {
      env: {
        ...stackEnvironment(this, this.options, name, instance),
        ...this.pairs?.envOf.get(instance),
        ...place?.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    await once(child, 'spawn');
    const exited = once(child, 'exit').then(() => log.end());
    this.running.set(instance, { pid: child.pid!, exited });
    void exited.then(() => this.startAgain(name, instance, child.pid!));
  }

  /** What a supervisor or Kubernetes does with a process that ends by itself. */
  private async startAgain(name: ProcessName, instance: string, pid: number): Promise<void> {
    const current = () => this.running.get(instance)?.pid === pid;
    if (!current()) return;
    await delay(500);
    if (current()) await this.startProcess(name, instance);
  }

  pidOf(instance: string): number {
    return this.running.get(instance)!.pid;
  }

  /** SIGKILL, as a crash or the kernel would; resolves when it is gone. */
  async kill(instance: string): Promise<void> {
    await this.end(instance, 'SIGKILL');
  }

  async restart(name: ProcessName): Promise<void> {
    await this.kill(name);
    await this.startProcess(name);
  }

  /** Ends a process with a signal and waits for its end. */
  async end(instance: string, signal: NodeJS.Signals): Promise<void> {
    const running = this.running.get(instance);
    if (!running) return;
    this.running.delete(instance);
    process.kill(running.pid, signal);
    await running.exited;
  }

  logOf(name: string): string {
    return readFileSync(join(this.directory, `${name}.log`), 'utf8');
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.keys()].map((name) => this.end(name, 'SIGKILL')));
    await this.pairs?.close();
    live.delete(this);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  killAtOnce(): void {
    for (const { pid } of this.running.values()) process.kill(pid, 'SIGKILL');
    this.running.clear();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Submits an e-mail once. */
  async post(submission: Submission = {}): Promise<Response> {
    const form = new FormData();
    const { attachment, idempotencyKey, ...fields } = { ...DEFAULTS, ...submission };
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    if (attachment) form.set('attachment', new Blob([Uint8Array.from(attachment.bytes)]), attachment.filename);
    const headers: Record<string, string> = { authorization: `Bearer ${this.key}` };
    if (idempotencyKey) headers['idempotency-key'] = idempotencyKey;
    return fetch(`${this.api}/api/send`, {
      method: 'POST',
      body: form,
      headers,
      signal: AbortSignal.timeout(patient(10_000)),
    });
  }

  /** Submits an e-mail as a careful client does: with an idempotency key, repeated on any error. */
  async submit(submission: Submission = {}): Promise<string> {
    const idempotencyKey = submission.idempotencyKey ?? randomBytes(16).toString('hex');
    for (let tries = 1; ; tries++) {
      try {
        const response = await this.post({ ...submission, idempotencyKey });
        if (response.ok) return ((await response.json()) as { id: string }).id;
        if (response.status < 500 && response.status !== 409) throw new Refused(await response.text());
      } catch (error) {
        if (error instanceof Refused || tries > 200) throw error;
      }
      await delay(200);
    }
  }

  async email(id: string): Promise<EmailView> {
    const response = await fetch(`${this.api}/api/email/${id}`, { headers: { authorization: `Bearer ${this.key}` } });
    if (!response.ok) throw new Error(`GET /api/email/${id} answered ${response.status}`);
    return (await response.json()) as EmailView;
  }

  /** Waits until an e-mail has one of the statuses. */
  async reaches(id: string, statuses: readonly string[], timeoutMs?: number): Promise<EmailView> {
    return this.seen(id, statuses.join(' or '), ({ status }) => statuses.includes(status), timeoutMs);
  }

  /**
   * Waits until an e-mail is delivered and its worker has recorded the provider's answer as well: the provider's
   * "delivered" may be here before the record of the call that it is about.
   */
  async isDelivered(id: string): Promise<EmailView> {
    const told = ({ status, events }: EmailView) =>
      status === 'delivered' && events.some(({ type }) => type === 'sent');
    return this.seen(id, 'delivered, and recorded as sent', told);
  }

  private async seen(id: string, what: string, holds: (view: EmailView) => boolean, timeoutMs = 30_000) {
    let view: EmailView | undefined;
    await until(
      () => `e-mail ${id} is ${what} (it is ${view?.status})`,
      async () => {
        view = await this.email(id);
        return holds(view);
      },
      timeoutMs,
    );
    return view!;
  }

  async setFaults(faults: object): Promise<void> {
    const response = await fetch(`${this.sandbox}/sandbox/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(faults),
    });
    if (!response.ok) throw new Error(`the sandbox refused the faults: ${await response.text()}`);
  }

  async acceptance(): Promise<AcceptedCall[]> {
    return (await (await fetch(`${this.sandbox}/sandbox/acceptance`)).json()) as AcceptedCall[];
  }
}

/** Whatever ends the test run, short of SIGKILL, takes the processes along. */
const live = new Set<Stack>();
process.once('exit', () => {
  for (const stack of live) stack.killAtOnce();
});

class Refused extends Error {}

const DEFAULTS = {
  sender: 'shop@example.com',
  receiver: 'reader@example.org',
  subject: 'Your order',
  content: 'Thank you for your order.',
  priority: 'medium',
};

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
