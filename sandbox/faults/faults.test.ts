import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../server.js';
import { eventually, mailgunClient, mailgunMessage, mandrill, sendByMailgun, sendByMandrill } from '../testing.js';
import type { FaultsInput } from './faults.js';

describe('faults', () => {
  let sandbox: Sandbox;
  let count = 0;
  let emailId: string;
  beforeAll(async () => {
    sandbox = await startSandbox({ mandrill: { searchesPerMinute: 1000 } });
  });
  afterAll(() => sandbox.stop());
  afterEach(() => sandbox.setFaults({}));

  const next = () => {
    emailId = `email-${++count}`;
    return emailId;
  };
  /** Sends by plain HTTP; the status, or the error's code when there is no answer. */
  const mailgunStatus = async (more: Record<string, unknown> = {}, giveUp?: AbortSignal) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(mailgunMessage(next(), more))) form.append(name, String(value));
    return fetch(`${sandbox.url}/v3/mg.example.com/messages`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`api:${sandbox.options.mailgun.apiKey}`)}` },
      body: form,
      signal: giveUp,
    }).then(
      (answer) => answer.status,
      (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name,
    );
  };
  const mandrillStatus = (more: Record<string, unknown> = {}) =>
    sendByMandrill(sandbox, next(), more).then(
      ({ status, body }) => body.name ?? status,
      (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name,
    );
  /** Sends, waits until the message is taken and delivered, and gives up on an answer that has not come by then. */
  const takenWithoutAnswer = async (more: Record<string, unknown> = {}) => {
    const giveUp = new AbortController();
    const status = mailgunStatus(more, giveUp.signal);
    await eventually(() => expect(sandbox.happenings(emailId)).toContain('delivered'));
    giveUp.abort();
    return status;
  };
  const accepted = () => sandbox.acceptance(emailId).length;
  const set = (faults: FaultsInput) => sandbox.setFaults(faults);

  it('down: 503 and nothing is taken', async () => {
    set({ mailgun: { down: true }, mandrill: { down: true } });
    expect([await mailgunStatus(), accepted()]).toEqual([503, 0]);
    expect([await mandrillStatus(), accepted()]).toEqual(['ServiceUnavailable', 0]);
  });

  it('a fault of one provider leaves the other alone', async () => {
    set({ mailgun: { down: true } });
    expect([await mandrillStatus(), accepted()]).toEqual([200, 1]);
  });

  it('errorAfterTaking: 500, yet taken and delivered', async () => {
    set({ mailgun: { errorAfterTaking: true }, mandrill: { errorAfterTaking: true } });
    expect([await mailgunStatus(), accepted()]).toEqual([500, 1]);
    await eventually(() => expect(sandbox.happenings(emailId)).toContain('delivered'));
    expect([await mandrillStatus(), accepted()]).toEqual(['GeneralError', 1]);
    await eventually(() => expect(sandbox.happenings(emailId)).toContain('delivered'));
  });

  it('noAnswer: taken and delivered, never answered', async () => {
    set({ mailgun: { noAnswer: true } });
    expect([await takenWithoutAnswer(), accepted()]).toEqual(['AbortError', 1]);
  });

  it('hang: neither taken nor answered', async () => {
    set({ mailgun: { hang: true } });
    expect([await mailgunStatus({}, AbortSignal.timeout(300)), accepted()]).toEqual(['TimeoutError', 0]);
  });

  it('reset: the connection is cut before, resetAfterTaking: after taking', async () => {
    set({ mailgun: { reset: true } });
    expect([await mailgunStatus(), accepted()]).toEqual(['ECONNRESET', 0]);
    set({ mailgun: { resetAfterTaking: true } });
    expect([await mailgunStatus(), accepted()]).toEqual(['ECONNRESET', 1]);
  });

  it('throttled: 429 with Retry-After', async () => {
    set({ mailgun: { throttled: { retryAfterS: 7 } }, mandrill: { throttled: { retryAfterS: 8 } } });
    expect([await mailgunStatus(), accepted()]).toEqual([429, 0]);
    const answer = await sendByMandrill(sandbox, next());
    expect([answer.status, answer.headers.get('retry-after'), accepted()]).toEqual([429, '8', 0]);
  });

  it('wrongKey: 401 and Invalid_Key', async () => {
    set({ mailgun: { wrongKey: true }, mandrill: { wrongKey: true } });
    expect([await mailgunStatus(), accepted()]).toEqual([401, 0]);
    expect([await mandrillStatus(), accepted()]).toEqual(['Invalid_Key', 0]);
  });

  it('quotaExhausted: 402 at Mailgun, queued and held back at Mandrill', async () => {
    set({ mailgun: { quotaExhausted: true }, mandrill: { quotaExhausted: true } });
    expect([await mailgunStatus(), accepted()]).toEqual([402, 0]);
    const { body } = await sendByMandrill(sandbox, next());
    expect(body).toMatchObject([{ status: 'queued', queued_reason: 'hourly-quota-exhausted' }]);
    expect([accepted(), sandbox.happenings(emailId)]).toEqual([1, ['accepted']]);
  });

  it('latencyMs: the answer takes at least so long', async () => {
    set({ mailgun: { latencyMs: { min: 200, max: 250 } } });
    expect([await mailgunStatus({}, AbortSignal.timeout(100)), accepted()]).toEqual(['TimeoutError', 0]);
    expect(await mailgunStatus()).toBe(200);
  });

  it('rate: a share of the requests', async () => {
    set({ mailgun: { down: true, rate: 0.5 } });
    const statuses = new Set<number | string>();
    while (statuses.size < 2) statuses.add(await mailgunStatus());
    expect([...statuses].toSorted()).toEqual([200, 503]);
    set({ mailgun: { down: true, rate: 0 } });
    expect(await mailgunStatus()).toBe(200);
  });

  it('lookUpLagMs and lookUpMiss: look-ups find nothing of what was taken', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const found = async () => {
      const query = { 'message-id': `${emailId}.1@mg.example.com` };
      const { items } = await mailgunClient(sandbox).events.get('mg.example.com', query);
      const search = await mandrill(sandbox, 'messages/search.json', { query: `u_email_id:${emailId}` });
      return [items.length > 0, search.body.length > 0];
    };
    next();
    await sendByMailgun(sandbox, emailId);
    await sendByMandrill(sandbox, emailId);
    expect(await found()).toEqual([true, true]);
    set({ mailgun: { lookUpLagMs: 60_000 }, mandrill: { lookUpLagMs: 60_000 } });
    expect(await found()).toEqual([false, false]);
    set({ mailgun: { lookUpMiss: 1 }, mandrill: { lookUpMiss: 1 } });
    expect(await found()).toEqual([false, false]);
  });

  it('ambiguous@: taken and delivered, the connection reset', async () => {
    expect([await mailgunStatus({ to: 'ambiguous@example.com' }), accepted()]).toEqual(['ECONNRESET', 1]);
    await eventually(() => expect(sandbox.happenings(emailId)).toContain('delivered'));
    expect([await mandrillStatus({ to: [{ email: 'ambiguous@example.com' }] }), accepted()]).toEqual(['ECONNRESET', 1]);
  });

  it('slow@: taken at once, answered late', async () => {
    set({ slowMs: 60_000 });
    expect([await takenWithoutAnswer({ to: 'slow@example.com' }), accepted()]).toEqual(['AbortError', 1]);
    set({ slowMs: 1 });
    expect([await mailgunStatus({ to: 'slow@example.com' }), accepted()]).toEqual([200, 1]);
  });

  it('PUT /sandbox/faults replaces all and refuses what is no fault', async () => {
    const put = (body: string) => fetch(`${sandbox.url}/sandbox/faults`, { method: 'PUT', body });
    expect((await put('{"mailgun":{"down":true}}')).status).toBe(200);
    expect((await put('{"mandrill":{"noAnswer":true}}')).status).toBe(200);
    const now = (await (await fetch(`${sandbox.url}/sandbox/faults`)).json()) as { mailgun: object; mandrill: object };
    expect(now).toMatchObject({ mailgun: { down: false }, mandrill: { noAnswer: true } });
    expect((await put('{"mailgun":{"donw":true}}')).status).toBe(400);
    expect((await put('not json')).status).toBe(400);
  });
});
