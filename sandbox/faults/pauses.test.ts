import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../server.js';
import { eventually, mailgunMessage, sendByMailgun, sendByMandrill } from '../testing.js';
import type { PausePoint } from './faults.js';

const WAIT_MS = 10_000;

describe('kill points', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.stop());
  afterEach(() => {
    sandbox.setFaults({});
    sandbox.release();
  });

  /** A process of its own that makes one call to Mailgun, to be killed. */
  const client = (emailId: string, attachmentBytes = 0) => {
    const script = `
      const form = new FormData();
      for (const [name, value] of Object.entries(JSON.parse(process.argv[1]))) form.append(name, value);
      if (${attachmentBytes}) form.append('attachment', new Blob([Buffer.alloc(${attachmentBytes})]), 'a.bin');
      await fetch('${sandbox.url}/v3/mg.example.com/messages', {
        method: 'POST',
        headers: { authorization: 'Basic ' + btoa('api:${sandbox.options.mailgun.apiKey}') },
        body: form,
      });
      console.log('answered');
      setInterval(() => {}, 1000);
    `;
    return spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(mailgunMessage(emailId))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  };
  const kill = async (child: ReturnType<typeof client>) => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  const held = async (point: PausePoint) => {
    const answer = await fetch(`${sandbox.url}/sandbox/waiting?point=${point}&timeout_ms=${WAIT_MS}`);
    return answer.json();
  };

  it.each([
    ['small', 0],
    ['large', 8 * 1024 * 1024],
  ])('while_reading_body: a %s message of a client that dies is not taken', async (size, attachmentBytes) => {
    sandbox.setFaults({ pausePoint: 'while_reading_body' });
    const child = client(`reading-${size}`, attachmentBytes);
    expect(await held('while_reading_body')).toMatchObject({ provider: 'mailgun', email_id: null });
    await kill(child);
    expect(sandbox.release()).toBe(1);
    sandbox.setFaults({});
    // Whatever came after the dead client's call has been taken by then; the dead one's still is not.
    await sendByMailgun(sandbox, `reading-${size}-again`);
    await eventually(() => expect(sandbox.happenings(`reading-${size}-again`)).toContain('delivered'));
    expect(sandbox.acceptance(`reading-${size}`)).toEqual([]);
  });

  it('while_reading_body: a message whose client lives is taken after the release', async () => {
    sandbox.setFaults({ pausePoint: 'while_reading_body' });
    const call = sendByMailgun(sandbox, 'patient', { attachment: { data: Buffer.alloc(3e6), filename: 'a.bin' } });
    await held('while_reading_body');
    expect(sandbox.acceptance('patient')).toEqual([]);
    sandbox.release();
    expect(await call).toMatchObject({ status: 200 });
    expect(sandbox.acceptance('patient')).toHaveLength(1);
  });

  it('after_taking_before_answer: taken once, delivered, although its client died', async () => {
    sandbox.setFaults({ pausePoint: 'after_taking_before_answer' });
    const child = client('taken');
    expect(await held('after_taking_before_answer')).toEqual({
      point: 'after_taking_before_answer',
      provider: 'mailgun',
      email_id: 'taken',
      generation: 1,
      attempt: 1,
    });
    expect(sandbox.acceptance('taken')).toHaveLength(1);
    await kill(child);
    sandbox.release();
    await eventually(() => expect(sandbox.happenings('taken')).toEqual(['accepted', 'delivered']));
    expect(sandbox.acceptance('taken')).toHaveLength(1);
  });

  it('just_after_answer: answered, and nothing happens before the release', async () => {
    sandbox.setFaults({ pausePoint: 'just_after_answer' });
    const child = client('answered');
    const [answered] = await once(child.stdout, 'data');
    expect(String(answered).trim()).toBe('answered');
    expect(await held('just_after_answer')).toMatchObject({ email_id: 'answered' });
    await kill(child);
    expect(sandbox.happenings('answered')).toEqual(['accepted']);
    sandbox.release();
    await eventually(() => expect(sandbox.happenings('answered')).toEqual(['accepted', 'delivered']));
  });

  it('works for mandrill, for one provider only, and for so many requests only', async () => {
    sandbox.setFaults({ pausePoint: 'after_taking_before_answer', pauseProvider: 'mandrill', pauseTimes: 1 });
    expect(await sendByMailgun(sandbox, 'other')).toMatchObject({ status: 200 });
    const first = sendByMandrill(sandbox, 'first');
    expect(await held('after_taking_before_answer')).toMatchObject({ provider: 'mandrill', email_id: 'first' });
    expect(await sendByMandrill(sandbox, 'second')).toMatchObject({ status: 200 });
    sandbox.release();
    expect(await first).toMatchObject({ status: 200 });
  });

  it('lets go by itself after holdMs', async () => {
    sandbox.setFaults({ pausePoint: 'after_taking_before_answer', holdMs: 50 });
    expect(await sendByMailgun(sandbox, 'short')).toMatchObject({ status: 200 });
  });

  it('waiting answers 204 when nothing comes, 400 for an unknown point', async () => {
    expect((await fetch(`${sandbox.url}/sandbox/waiting?timeout_ms=10`)).status).toBe(204);
    expect((await fetch(`${sandbox.url}/sandbox/waiting?point=nowhere`)).status).toBe(400);
  });
});
