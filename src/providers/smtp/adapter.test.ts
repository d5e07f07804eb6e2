import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import type { SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { outgoingMessage } from '../../../test/support/outgoing-message.js';
import { type ScriptedServer, startRelay, startSmtp } from '../../../test/support/servers/scripted-servers.js';
import { createSmtp } from './adapter.js';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const PLAIN = { disabledCommands: ['STARTTLS', 'AUTH'] };

async function serve(options: SMTPServerOptions): Promise<ScriptedServer> {
  const server = await startSmtp(options);
  servers.push(server);
  return server;
}

/** A server that takes everything and remembers the last message. */
async function inbox(options: SMTPServerOptions = PLAIN, reply?: string) {
  const seen: { mail?: ParsedMail; session?: SMTPServerSession; envelope?: SMTPServerSession['envelope'] } = {};
  const server = await serve({
    ...options,
    onData(stream, session, done) {
      void simpleParser(stream).then((mail) => {
        Object.assign(seen, { mail, session, envelope: { ...session.envelope } });
        done(null, reply);
      });
    },
  });
  return { server, seen };
}

const refusal = (responseCode: number) => Object.assign(new Error('no'), { responseCode });
const never = new AbortController().signal;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const send = (url: string, changes = {}, signal = never) => createSmtp({ url }).send(outgoingMessage(changes), signal);

describe('the message', () => {
  test('arrives as it was meant, letters beyond ASCII included', async () => {
    const { server, seen } = await inbox();
    await send(server.url);
    const mail = seen.mail as ParsedMail;
    expect(mail.from?.value).toEqual([{ name: 'Bücherei', address: 'sender@example.com' }]);
    expect(mail.subject).toBe('Grüße – 你好 ✉');
    expect(mail.text?.trim()).toBe('Guten Tag, schöne Grüße');
    expect(mail.html).toBe('<p>Guten Tag, <b>schöne</b> Grüße</p>');
    expect(mail.messageId).toBe('<019a0000-0000-7000-8000-000000000001.1@mail.example.com>');
    expect(mail.replyTo?.text).toBe('reply@example.com');
    expect(mail.attachments).toMatchObject([{ filename: 'Übersicht „März" 你.pdf', contentType: 'application/pdf' }]);
    expect(mail.attachments[0]?.content).toEqual(Buffer.from('%PDF-1.7\0ÿ'));
    expect(seen.envelope?.mailFrom).toMatchObject({ address: 'sender@example.com' });
    expect(seen.envelope?.rcptTo).toMatchObject([{ address: 'receiver@example.org' }]);
  });

  test('carries headers of ours', async () => {
    const { server, seen } = await inbox();
    await send(server.url, {
      headers: { 'List-Unsubscribe': '<https://mail.example.com/unsubscribe/1>', 'Auto-Submitted': 'auto-generated' },
    });
    expect(seen.mail?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(seen.mail?.headerLines.find(({ key }) => key === 'list-unsubscribe')?.line).toContain('/unsubscribe/1>');
  });

  test('carries 18 MB unchanged, lines that begin with a dot included', async () => {
    const { server, seen } = await inbox();
    const bytes = Buffer.alloc(18 * 1024 * 1024, '\r\n.\r\n.x\n');
    const text = 'first\n.\n..\nlast';
    await send(server.url, { text, attachment: { filename: 'a', contentType: 'application/octet-stream', bytes } });
    expect(sha256(seen.mail?.attachments[0]?.content as Buffer)).toBe(sha256(bytes));
    expect(seen.mail?.text?.trim()).toBe(text);
  });

  const FORWARDED = Buffer.from(
    'From: a@example.com\r\nSubject: inner\nContent-Type: text/plain\r\n\r\nGr\xfc\xdfe\n.\n',
    'latin1',
  );

  test.each([
    'message/rfc822',
    'Message/RFC822',
    'message/partial',
    'message/external-body',
    'message/delivery-status',
    'multipart/mixed',
    'MULTIPART/signed',
  ])('carries an attachment that was declared as %s as a file, unchanged', async (contentType) => {
    const { server, seen } = await inbox();
    await send(server.url, { attachment: { filename: 'inner.eml', contentType, bytes: FORWARDED } });
    expect(seen.mail?.subject).toBe('Grüße – 你好 ✉');
    expect(seen.mail?.attachments).toMatchObject([{ filename: 'inner.eml', contentDisposition: 'attachment' }]);
    // What was sent; the parser's own word for the type goes by the name of the file.
    expect(seen.mail?.attachments[0]?.headers.get('content-type')).toMatchObject({ value: 'application/octet-stream' });
    expect(seen.mail?.attachments[0]?.content).toEqual(FORWARDED);
    expect(seen.mail?.attachments[0]?.headers.get('content-transfer-encoding')).toBe('base64');
  });

  test.each(['text/plain', 'text/html', 'text/csv', 'text/calendar', 'application/json', 'image/png', 'odd'])(
    'carries an attachment of %s byte by byte, whatever its line ends are',
    async (contentType) => {
      const { server, seen } = await inbox();
      const bytes = Buffer.from('a\nb\r\nc\rd \t\n.\n\0\xff end without a line end', 'latin1');
      await send(server.url, { attachment: { filename: 'a.dat', contentType, bytes } });
      expect(seen.mail?.attachments).toHaveLength(1);
      expect(seen.mail?.attachments[0]?.content).toEqual(bytes);
    },
  );

  test('without plain text is HTML only', async () => {
    const { server, seen } = await inbox();
    await send(server.url, { text: null, attachment: null });
    expect(seen.mail?.headers.get('content-type')).toMatchObject({ value: 'text/html' });
  });

  test.each([
    ['OK: queued as 4cXyZ1', '4cXyZ1'],
    ['OK id=1sK8aB-000Qx-2', '1sK8aB-000Qx-2'],
    [
      '2.6.0 <abc@host.example.com> Queued mail for delivery',
      '019a0000-0000-7000-8000-000000000001.1@mail.example.com',
    ],
    ['thank you', '019a0000-0000-7000-8000-000000000001.1@mail.example.com'],
  ])('answered by "%s" has the id %s', async (reply, providerMessageId) => {
    const { server } = await inbox(PLAIN, reply);
    expect(await send(server.url)).toEqual({ kind: 'accepted', providerMessageId });
  });
});

describe('a refusal', () => {
  test.each([
    [421, { kind: 'unavailable', code: 'smtp_421' }],
    [450, { kind: 'throttled', code: 'smtp_450' }],
    [452, { kind: 'throttled', code: 'smtp_452' }],
    [530, { kind: 'misconfigured', code: 'smtp_530' }],
    [550, { kind: 'rejected', code: 'smtp_550' }],
  ])('%i of the receiver', async (code, expected) => {
    const { server } = await inbox({ ...PLAIN, onRcptTo: (_address, _session, done) => done(refusal(code)) });
    expect(await send(server.url)).toEqual(expected);
  });

  test.each([
    [451, { kind: 'throttled', code: 'smtp_451' }],
    [554, { kind: 'rejected', code: 'smtp_554' }],
  ])('%i after the final dot is an answer, not a riddle', async (code, expected) => {
    const server = await serve({
      ...PLAIN,
      onData: (stream, _session, done) => stream.resume().once('end', () => done(refusal(code))),
    });
    expect(await send(server.url)).toEqual(expected);
  });

  test('before anything was said means that the server does not want us', async () => {
    const server = await serve({ ...PLAIN, onConnect: (_session, done) => done(refusal(554)) });
    expect(await send(server.url)).toEqual({ kind: 'misconfigured', code: 'smtp_554' });
  });

  test('of a message that is too large comes before it is sent', async () => {
    const { server, seen } = await inbox({ ...PLAIN, size: 1000 });
    expect(await send(server.url, { text: 'x'.repeat(2000) })).toMatchObject({ kind: 'rejected' });
    expect(seen.mail).toBeUndefined();
  });
});

describe('authentication', () => {
  const options: SMTPServerOptions = {
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    authOptional: false,
    onAuth: ({ username, password }, _session, done) =>
      done(null, username === 'user@example.com' && password === 'p:w' ? { user: username } : {}),
  };
  const withLogin = (url: string, login: string) => url.replace('//', `//${login}@`);

  test('is taken from the URL', async () => {
    const { server, seen } = await inbox(options);
    expect(await send(withLogin(server.url, 'user%40example.com:p%3Aw'))).toMatchObject({ kind: 'accepted' });
    expect(seen.session?.user).toBe('user@example.com');
  });

  test('that fails is our misconfiguration', async () => {
    const { server } = await inbox(options);
    const result = await send(withLogin(server.url, 'user%40example.com:wrong'));
    expect(result).toEqual({ kind: 'misconfigured', code: 'smtp_535' });
  });

  test('that is wanted and missing is our misconfiguration', async () => {
    const { server } = await inbox(options);
    expect(await send(server.url)).toEqual({ kind: 'misconfigured', code: 'smtp_530' });
  });
});

describe('TLS', () => {
  const tls = { disabledCommands: ['AUTH'] };
  const anyone = '?tls.rejectUnauthorized=false';

  test('is begun when the server offers it', async () => {
    const { server, seen } = await inbox(tls);
    expect(await send(server.url + anyone)).toMatchObject({ kind: 'accepted' });
    expect(seen.session?.secure).toBe(true);
  });

  test('is there from the start with smtps', async () => {
    const { server, seen } = await inbox({ ...tls, secure: true });
    expect(await send(server.url.replace('smtp:', 'smtps:') + anyone)).toMatchObject({ kind: 'accepted' });
    expect(seen.session?.secure).toBe(true);
  });

  test('with a certificate that is not trusted sends nothing', async () => {
    const { server, seen } = await inbox(tls);
    expect(await send(server.url)).toMatchObject({ kind: 'unavailable' });
    expect(seen.mail).toBeUndefined();
  });

  test('does not keep an abort from resetting the connection', async () => {
    const controller = new AbortController();
    const server = await serve({
      ...tls,
      onData: (stream) => stream.resume().once('end', () => controller.abort()),
    });
    const relay = await startRelay(server.port, 'smtp');
    servers.push(relay);
    expect(await send(relay.url + anyone, {}, controller.signal)).toEqual({ kind: 'ambiguous', code: 'timeout' });
    await relay.allClosed();
    expect(relay.errors).toContain('ECONNRESET');
  });
});

describe('before the final dot', () => {
  const large = { filename: 'a', contentType: 'application/octet-stream', bytes: Buffer.alloc(18 * 1024 * 1024) };

  test('a lost connection is safe', async () => {
    const server: ScriptedServer = await serve({
      ...PLAIN,
      onData: (stream) => stream.once('data', () => server.connections[0]?.resetAndDestroy()),
    });
    expect(await send(server.url, { attachment: large })).toMatchObject({ kind: 'unavailable' });
  });

  test('an abort while the server says nothing is safe', async () => {
    const controller = new AbortController();
    const server = await serve({ ...PLAIN, onConnect: () => controller.abort() });
    expect(await send(server.url, {}, controller.signal)).toEqual({ kind: 'unavailable', code: 'timeout' });
    await server.allClosed();
  });

  test('a refusal in the middle of the message is an answer, and no dot follows', async () => {
    let received = '';
    // By hand, because the SMTP server for tests holds its answer back until the end.
    const server = net.createServer((socket) => {
      socket.on('error', () => {}).write('220 hello\r\n');
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (received.includes('DATA\r\n')) socket.write(chunk.includes('DATA\r\n') ? '354 go\r\n' : '552 too much\r\n');
        else socket.write('250 fine\r\n');
      });
    });
    const closed = new Promise((resolve) => server.on('connection', (socket) => socket.once('close', resolve)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await send(`smtp://127.0.0.1:${port}`, { attachment: large })).toEqual({
      kind: 'rejected',
      code: 'smtp_552',
    });
    await closed;
    server.close();
    expect(received).not.toContain('\r\n.\r\n');
  });
});

test('there is nothing to look up', () => {
  expect(createSmtp({ url: 'smtp://127.0.0.1:1' }).lookUp).toBeUndefined();
});
