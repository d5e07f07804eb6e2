import { afterEach, describe, expect, test } from 'vitest';
import { outgoingMessage } from '../../test/support/outgoing-message.js';
import { type ScriptedServer, startHttp, startSmtp } from '../../test/support/servers/scripted-servers.js';
import { createMailgun } from './mailgun/adapter.js';
import { createMandrill } from './mandrill/adapter.js';
import type { Adapter, FailureKind } from './provider.js';
import { createSmtp } from './smtp/adapter.js';

/** What the provider's side does; `hears` is called once it has the message, or the beginning of a slow one. */
interface Behaviour {
  readonly kind: 'accept' | 'reject' | 'say nothing' | 'read nothing' | 'hang up';
  readonly hears?: () => void;
}

interface Stage {
  readonly provider: Adapter;
  readonly server: ScriptedServer;
  /** Lets a server that reads nothing read on. */
  readOn(): void;
}

interface Contract {
  readonly name: string;
  stage(behaviour: Behaviour): Promise<Stage>;
  /** An abort in the middle of the message: HTTP cannot tell, SMTP knows that there was no final dot. */
  readonly abortedMidway: FailureKind;
}

const httpStage =
  (
    create: (url: string) => Adapter,
    accepted: string,
    rejection: readonly [status: number, body: string],
  ): Contract['stage'] =>
  async ({ kind, hears }) => {
    let readOn = () => {};
    const server = await startHttp((request, response) => {
      request.on('error', () => {});
      if (kind === 'read nothing') {
        readOn = () => request.resume();
        return hears?.();
      }
      request.resume().once('end', () => {
        hears?.();
        if (kind === 'accept') response.end(accepted);
        if (kind === 'reject') response.writeHead(rejection[0]).end(rejection[1]);
        if (kind === 'hang up') request.socket.resetAndDestroy();
      });
    });
    return { provider: create(server.url), server, readOn: () => readOn() };
  };

const smtpStage: Contract['stage'] = async ({ kind, hears }) => {
  let readOn = () => {};
  const server: ScriptedServer = await startSmtp({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: (_address, _session, done) =>
      done(kind === 'reject' ? Object.assign(new Error('no such user'), { responseCode: 550 }) : null),
    onData(stream, _session, done) {
      if (kind === 'read nothing') {
        readOn = () => stream.resume();
        hears?.();
        return;
      }
      stream.resume().once('end', () => {
        hears?.();
        if (kind === 'accept') done(null, 'OK queued as 4cXyZ1');
        if (kind === 'hang up') for (const connection of server.connections) connection.resetAndDestroy();
      });
    },
  });
  const provider = createSmtp({ url: server.url });
  return { provider, server, readOn: () => readOn() };
};

const contracts: readonly Contract[] = [
  {
    name: 'mailgun',
    abortedMidway: 'ambiguous',
    stage: httpStage(
      (url) => createMailgun({ apiKey: 'key', domain: 'mail.example.com', apiUrl: url, webhookSigningKey: '' }),
      '{"id":"<provider-id@mail.example.com>","message":"Queued. Thank you."}',
      [400, '{"message":"to parameter is not a valid address. please check documentation"}'],
    ),
  },
  {
    name: 'mandrill',
    abortedMidway: 'ambiguous',
    stage: httpStage(
      (url) => createMandrill({ apiKey: 'key', apiUrl: url, webhookKey: '', webhookUrl: '' }),
      '[{"email":"receiver@example.org","status":"sent","reject_reason":null,"_id":"provider-id"}]',
      [500, '{"status":"error","code":-2,"name":"ValidationError","message":"You must specify a message"}'],
    ),
  },
  { name: 'smtp', abortedMidway: 'unavailable', stage: smtpStage },
];

const stages: Stage[] = [];
afterEach(async () => {
  await Promise.all(stages.splice(0).map(({ server }) => server.stop()));
});

/** Fits no socket buffer. */
const LARGE = { filename: 'large.bin', contentType: 'application/octet-stream', bytes: Buffer.alloc(18 * 1024 * 1024) };
/** Above what a receiver's kernel and its parser take before anyone reads, below what a sender's delivers after a close. */
const BUFFERED_BYTES = 2 * 1024 * 1024;

describe.each(contracts)('$name', ({ stage, abortedMidway }) => {
  async function on(behaviour: Behaviour): Promise<Stage> {
    const ready = await stage(behaviour);
    stages.push(ready);
    return ready;
  }
  const never = new AbortController().signal;

  test('a message that is taken is accepted, with an id', async () => {
    const { provider } = await on({ kind: 'accept' });
    const result = await provider.send(outgoingMessage(), never);
    expect(result).toMatchObject({ kind: 'accepted', providerMessageId: expect.stringMatching(/^[^<>\s]+$/) });
  });

  test('a message of 18 MB is accepted', async () => {
    const { provider } = await on({ kind: 'accept' });
    expect(await provider.send(outgoingMessage({ attachment: LARGE }), never)).toMatchObject({ kind: 'accepted' });
  });

  test('a message that is refused is rejected', async () => {
    const { provider } = await on({ kind: 'reject' });
    const result = await provider.send(outgoingMessage(), never);
    expect(result).toMatchObject({ kind: 'rejected', code: expect.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/) });
  });

  test('a provider that is not there is unavailable', async () => {
    const { provider, server } = await on({ kind: 'accept' });
    await server.stop();
    expect(await provider.send(outgoingMessage(), never)).toEqual({ kind: 'unavailable', code: 'ECONNREFUSED' });
  });

  test('after an abort nothing is begun', async () => {
    const { provider, server } = await on({ kind: 'accept' });
    const result = await provider.send(outgoingMessage(), AbortSignal.abort());
    expect(result).toEqual({ kind: 'unavailable', code: 'timeout' });
    expect(server.connections).toHaveLength(0);
  });

  test('an abort while no answer comes is ambiguous and resets the connection', async () => {
    const controller = new AbortController();
    const { provider, server } = await on({ kind: 'say nothing', hears: () => controller.abort() });
    const result = await provider.send(outgoingMessage(), controller.signal);
    expect(result).toEqual({ kind: 'ambiguous', code: 'timeout' });
    await server.allClosed();
    expect(server.errors).toContain('ECONNRESET');
  });

  test('an abort in the middle of a message lets not one more byte out', async () => {
    const controller = new AbortController();
    const { provider, server, readOn } = await on({ kind: 'read nothing', hears: () => controller.abort() });
    const result = await provider.send(outgoingMessage({ attachment: LARGE }), controller.signal);
    expect(result).toEqual({ kind: abortedMidway, code: 'timeout' });
    readOn();
    await server.allClosed();
    expect(server.connections[0]?.bytesRead).toBeLessThan(BUFFERED_BYTES);
  });

  test('a connection lost after the message is ambiguous', async () => {
    const { provider } = await on({ kind: 'hang up' });
    expect(await provider.send(outgoingMessage(), never)).toMatchObject({ kind: 'ambiguous' });
  });

  test.each([
    ['sender', { sender: 'a@example.com\r\nBcc: other@example.org' }],
    ['receiver', { receiver: 'a@example.org\nBcc: other@example.org' }],
    ['reply-to', { replyTo: 'a@example.org\r\nX: y' }],
    ['subject', { subject: 'Hello\r\nBcc: other@example.org' }],
    ['tag', { tags: ['a\nb'] }],
    ['filename', { attachment: { ...LARGE, filename: 'a\r\nX: y' } }],
    ['content type', { attachment: { ...LARGE, contentType: 'text/plain\r\nX: y' } }],
  ])('a line break in the %s never leaves', async (_, changes) => {
    const { provider, server } = await on({ kind: 'accept' });
    const result = await provider.send(outgoingMessage(changes), never);
    expect(result).toEqual({ kind: 'rejected', code: 'unsafe_header' });
    expect(server.connections).toHaveLength(0);
  });
});
