import type { SMTPServerOptions } from 'smtp-server';
import { describe, expect, test } from 'vitest';
import { startSmtp } from '../../../test/support/servers/scripted-servers.js';
import { createSmtp } from './adapter.js';

const PLAIN = { disabledCommands: ['STARTTLS', 'AUTH'] };
const never = new AbortController().signal;
const refusal = (responseCode: number) => Object.assign(new Error('no'), { responseCode });

describe('a probe', () => {
  const probe = (url: string) => createSmtp({ url }).probe(never);

  test('greets and signs in, and sends nothing', async () => {
    let messages = 0;
    const onData: SMTPServerOptions['onData'] = (stream, _session, done) => {
      messages++;
      stream.resume().on('end', done);
    };
    const onAuth: SMTPServerOptions['onAuth'] = ({ password }, _session, done) =>
      password === 'right' ? done(null, { user: 'us' }) : done(refusal(535));
    const server = await startSmtp({ disabledCommands: ['STARTTLS'], allowInsecureAuth: true, onAuth, onData });
    const as = (password: string) => server.url.replace('smtp://', `smtp://us:${password}@`);
    expect(await probe(as('right'))).toBeUndefined();
    expect(await probe(as('wrong'))).toMatchObject({ kind: 'misconfigured', code: 'smtp_535' });
    await server.allClosed();
    expect(messages).toBe(0);
    await server.stop();
  });

  test('of a server that is away fails', async () => {
    const server = await startSmtp(PLAIN);
    await server.stop();
    expect(await probe(server.url)).toMatchObject({ kind: 'unavailable' });
  });
});
