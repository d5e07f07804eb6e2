import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Koa from 'koa';
import type { AcceptanceLine } from './acceptance.js';
import type { Box } from './box.js';
import { Carrier } from './carrier.js';
import type { SandboxOptions } from './config.js';
import { controlRoutes } from './control.js';
import { type FaultsInput, FaultTable, type PausePoint } from './faults/faults.js';
import { Pauses, type Reached } from './faults/pauses.js';
import { type Inbox, startInbox } from './inbox/inbox.js';
import { removeUnconfirmed } from './inbox/unconfirmed.js';
import { greeting, mailgunRoutes } from './mailgun/routes.js';
import { mandrillRoutes } from './mandrill/routes.js';
import type { Happening, ProviderName } from './message.js';
import { Store } from './store.js';
import { WebhookPoster } from './webhooks.js';

/** What a test may leave out: free ports, a directory of its own, no inbox, keys that are good enough. */
export type StartOptions = Partial<Omit<SandboxOptions, 'mailgun' | 'mandrill'>> & {
  readonly mailgun?: Partial<SandboxOptions['mailgun']>;
  readonly mandrill?: Partial<SandboxOptions['mandrill']>;
};

/** A running sandbox. */
export interface Sandbox {
  /** Serves as both providers' API address; no slash at the end. */
  readonly url: string;
  /** The inbox's page; null when the inbox is off. */
  readonly inboxUrl: string | null;
  readonly inboxSmtpPort: number | null;
  readonly dir: string;
  /** As given, with the defaults filled in: the keys are here. */
  readonly options: SandboxOptions;
  /** Replaces all faults; `{}` switches everything off. @throws ZodError for what is no fault. */
  setFaults(faults: FaultsInput): void;
  /** Where webhooks go from now on: for tests whose webhook server starts later. */
  setWebhookUrls(urls: Partial<Record<ProviderName, string | null>>): void;
  /** Every accepted call, oldest first. */
  acceptance(emailId?: string): AcceptanceLine[];
  /** What has happened to the newest message of an e-mail, oldest first. */
  happenings(emailId: string): Happening[];
  /** Lets something happen to the newest message of an e-mail. @throws Error when there is none. */
  happen(emailId: string, type: Happening): void;
  /** The first request held at a pause point; null when none comes in time. */
  waitFor(point: PausePoint, timeoutMs: number): Promise<Reached | null>;
  /** Lets held requests go on; returns how many. */
  release(): number;
  /** Stops everything that was started, cutting open connections; removes the directory if it made it. */
  stop(): Promise<void>;
}

/** Starts a sandbox in this process; whatever an earlier one left in the directory goes on. */
export async function startSandbox(given: StartOptions = {}): Promise<Sandbox> {
  const ownDir = given.dir === undefined;
  const options = withDefaults(given);
  mkdirSync(options.dir, { recursive: true, mode: 0o700 }); // It holds whole mails.
  const abort = new AbortController();
  // Everything that waits listens to it.
  setMaxListeners(0, abort.signal);
  const faults = new FaultTable();
  const pauses = new Pauses(faults);
  const store = new Store(options.dir);
  let inbox: Inbox | null = null;
  // The port is known before the rest is there: until then every call is answered, never left hanging.
  let answer: RequestListener = (_request, response) => response.writeHead(503, { connection: 'close' }).end();
  const server = createServer((request, response) => answer(request, response));
  // As long as a public service's: Node's own 5 s cut pooled connections that workers are about to use again.
  server.keepAliveTimeout = 65_000;
  const url = `http://127.0.0.1:${await listen(server, options.port)}`;
  try {
    inbox = await openInbox(options, store);
  } catch (error) {
    server.close();
    store.close();
    throw error;
  }
  const stopping = abort.signal;
  const webhooks = new WebhookPoster({ options, store, faults, stopping });
  const carrier = new Carrier({ store, webhooks, inbox, timeScale: options.timeScale, stopping });
  const searches = { answered: 0, refused: 0 };
  const box: Box = { options, url, store, faults, pauses, carrier, inbox, searches, stopping };

  const reset = async () => {
    faults.set({});
    pauses.release();
    store.reset();
    Object.assign(searches, { answered: 0, refused: 0 });
    await inbox?.clear();
  };
  answer = application(box, reset).callback();
  webhooks.resume();
  carrier.resume();

  const stop = async () => {
    abort.abort();
    webhooks.stop();
    pauses.stop();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    await carrier.idle();
    await inbox?.stop();
    store.close();
    if (ownDir) rmSync(options.dir, { recursive: true, force: true });
  };
  return { ...handles(box, webhooks), stop };
}

/** What whoever started a sandbox can do with it. */
function handles(box: Box, webhooks: WebhookPoster): Omit<Sandbox, 'stop'> {
  const { url, options, store, faults, pauses, carrier, inbox } = box;
  return {
    url,
    inboxUrl: inbox?.url ?? null,
    inboxSmtpPort: inbox?.smtpPort ?? null,
    dir: options.dir,
    options,
    setFaults: (input) => void faults.set(input),
    setWebhookUrls: (urls) => webhooks.setUrls(urls),
    acceptance: (emailId) => store.acceptance(emailId),
    happenings: (emailId) => {
      const message = store.messageOfEmail(emailId);
      return message ? store.eventsOf(message.id).map((event) => event.type) : [];
    },
    happen: (emailId, type) => {
      const message = store.messageOfEmail(emailId);
      if (!message) throw new Error(`no message of e-mail ${emailId}`);
      carrier.record(message, type);
    },
    waitFor: (point, timeoutMs) => pauses.waitFor(point, timeoutMs),
    release: () => pauses.release(),
  };
}

/** The inbox page and its server, where they are asked for. */
async function openInbox(options: SandboxOptions, store: Store): Promise<Inbox | null> {
  if (!options.inbox) return null;
  const folder = join(options.dir, 'inbox');
  removeUnconfirmed(folder, store.outgoingDir);
  return startInbox({ web: options.inboxPort, smtp: options.inboxSmtpPort }, folder);
}

function application(box: Box, reset: () => Promise<void>): Koa {
  const app = new Koa();
  app.on('error', (error: NodeJS.ErrnoException) => {
    // A client that goes away is what the sandbox is there to bear.
    const gone = ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'].includes(error.code ?? '');
    if (!gone && !box.stopping.aborted) process.stderr.write(`sandbox: ${error.stack ?? String(error)}\n`);
  });
  for (const router of [controlRoutes(box, reset), mailgunRoutes(box), mandrillRoutes(box)]) app.use(router.routes());
  app.use(greeting);
  return app;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Fills in what a test leaves out. */
export function withDefaults(given: StartOptions): SandboxOptions {
  return {
    port: 0,
    inbox: false,
    inboxPort: 0,
    inboxSmtpPort: 0,
    timeScale: 1 / 60,
    ...given,
    dir: given.dir ?? mkdtempSync(join(tmpdir(), 'tempost-sandbox-')),
    mailgun: {
      apiKey: 'sandbox-mailgun-key',
      domain: 'mg.example.com',
      signingKey: 'sandbox-mailgun-signing-key',
      webhookUrl: null,
      acceptedWebhook: false,
      ...given.mailgun,
    },
    mandrill: {
      apiKey: 'sandbox-mandrill-key',
      webhookKey: 'sandbox-mandrill-webhook-key',
      webhookUrl: null,
      searchesPerMinute: 20,
      ...given.mandrill,
    },
  };
}
