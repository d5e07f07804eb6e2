import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import { createMailgun } from '../src/providers/mailgun/adapter.js';
import { createMandrill } from '../src/providers/mandrill/adapter.js';
import type { Accepted, AskableAdapter, LoggedAdapter, LogPage, OutgoingMessage } from '../src/providers/provider.js';
import { outgoingMessage } from './support/outgoing-message.js';
import { patient } from './support/patience.js';

/** The adapters against the sandbox: two implementations of one protocol, written apart. */

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ mandrill: { searchesPerMinute: 100 } });
});
afterAll(() => sandbox.stop());
afterEach(() => sandbox.setFaults({}));

const create: Record<'mailgun' | 'mandrill', () => AskableAdapter & LoggedAdapter> = {
  mailgun: () => createMailgun({ ...sandbox.options.mailgun, apiUrl: sandbox.url, webhookSigningKey: '' }),
  mandrill: () => createMandrill({ ...sandbox.options.mandrill, apiUrl: sandbox.url, webhookUrl: '' }),
};

let count = 0;
function message(changes: Parameters<typeof outgoingMessage>[0] = {}) {
  count += 1;
  const emailId = `019a0000-0000-7000-8000-${String(count).padStart(12, '0')}`;
  return outgoingMessage({ emailId, messageId: `<${emailId}.1@mail.example.com>`, ...changes });
}

const never = new AbortController().signal;

describe.each(['mailgun', 'mandrill'] as const)('%s', (name) => {
  async function lookUp(
    sent: Omit<OutgoingMessage, 'attempt'> & { attempt: number | null },
    providerMessageId: string | null = null,
  ) {
    const query = { ...sent, providerMessageId, startedAt: new Date() };
    const [found] = await create[name]().lookUp([query], never);
    return found;
  }

  test('takes a message once, with our ids, and a look-up finds it', async () => {
    const sent = message();
    const result = await create[name]().send(sent, never);
    expect(result).toMatchObject({ kind: 'accepted' });
    expect(sandbox.acceptance(sent.emailId)).toHaveLength(1);
    const found = await lookUp(sent);
    expect(found).toMatchObject({ kind: 'found', ...('providerMessageId' in result && { ...result, kind: 'found' }) });
  });

  test('a look-up finds nothing of another attempt', async () => {
    const sent = message();
    await create[name]().send(sent, never);
    const found = await lookUp({ ...sent, attempt: sent.attempt + 1 });
    expect(found).toEqual({ kind: 'none' });
  });

  test('a look-up for any attempt finds it, and says which it was and when', async () => {
    const sent = message();
    await create[name]().send(sent, never);
    const found = await lookUp({ ...sent, attempt: null });
    expect(found).toMatchObject({ kind: 'found', attempt: sent.attempt });
    const { at } = found as { at: Date };
    expect(Math.abs(Date.now() - at.getTime())).toBeLessThan(patient(60_000));
  });

  test('a look-up for several finds each of them', async () => {
    const sent = [message(), message(), message()];
    for (const each of sent.slice(1)) await create[name]().send(each, never);
    const queries = sent.map((each) => ({ ...each, providerMessageId: null, startedAt: new Date() }));
    const found = await create[name]().lookUp(queries, never);
    expect(found.map(({ kind }) => kind)).toEqual(['none', 'found', 'found']);
  });

  test("a look-up by the provider's id tells of the delivery", async () => {
    const sent = message();
    const result = await create[name]().send(sent, never);
    const { providerMessageId } = result as Accepted;
    await vi.waitFor(async () => {
      expect(await lookUp(sent, providerMessageId)).toEqual({ kind: 'found', providerMessageId, delivered: true });
    }, patient(10_000));
  });

  test('its log has what was taken since a moment, and while it lags the newest is not in it', async () => {
    const { log, send } = create[name]();
    const sent = [message(), message()];
    for (const each of sent) await send(each, never);
    const read = async (since: Date) => {
      const ids: string[] = [];
      for (let page: LogPage | undefined; !page || page.next !== null; ) {
        page = await log.readPage(since, page?.next ?? null, never);
        ids.push(...page.messages.map(({ emailId }) => emailId));
      }
      return ids;
    };
    expect(await read(new Date(Date.now() - 600_000))).toEqual(
      expect.arrayContaining(sent.map(({ emailId }) => emailId)),
    );
    expect(await read(new Date(Date.now() + 5_000))).toEqual([]);
    sandbox.setFaults({ [name]: { lookUpLagMs: 600_000 } });
    expect(await read(new Date(Date.now() - 600_000))).toEqual([]);
  });

  test.each([
    ['down', { down: true }, 'unavailable', 0],
    ['throttled', { throttled: { retryAfterS: 3 } }, 'throttled', 0],
    ['given a wrong key', { wrongKey: true }, 'misconfigured', 0],
    ['failing after it has taken the message', { errorAfterTaking: true }, 'ambiguous', 1],
    ['hanging up after it has taken the message', { resetAfterTaking: true }, 'ambiguous', 1],
    ['hanging up on the message', { reset: true }, 'ambiguous', 0],
  ])('%s', async (_, faults, kind, taken) => {
    sandbox.setFaults({ [name]: faults });
    const sent = message();
    expect(await create[name]().send(sent, never)).toMatchObject({ kind });
    expect(sandbox.acceptance(sent.emailId)).toHaveLength(taken);
  });

  test('that takes the message and never answers is ambiguous, and the look-up tells', async () => {
    sandbox.setFaults({ [name]: { noAnswer: true } });
    const sent = message();
    const controller = new AbortController();
    const result = create[name]().send(sent, controller.signal);
    await vi.waitFor(() => expect(sandbox.acceptance(sent.emailId)).toHaveLength(1), patient(10_000));
    controller.abort();
    expect(await result).toEqual({ kind: 'ambiguous', code: 'timeout' });
    const found = await lookUp(sent);
    expect(found).toMatchObject({ kind: 'found' });
  });
});

const secondOf = (ms: number) => Math.floor(ms / 1_000);
const secondAfter = (ms: number) =>
  vi.waitFor(() => expect(secondOf(Date.now())).toBeGreaterThan(secondOf(ms)), patient(10_000));

test('more than Mailgun shows at once, or Mandrill in all, is read whole', async () => {
  const own = await startSandbox({ mandrill: { searchesPerMinute: 100 } });
  try {
    const mailgun = createMailgun({ ...own.options.mailgun, apiUrl: own.url, webhookSigningKey: '' });
    const mandrill = createMandrill({ ...own.options.mandrill, apiUrl: own.url, webhookUrl: '' });
    for (const [provider, number] of [
      [mailgun, 310],
      [mandrill, 1_010],
    ] as const) {
      const sent = Array.from({ length: number }, () => message({ attachment: null }));
      for (let from = 0; from < number; from += 20) {
        // A thousand in one second are more than Mandrill's search can show by any question.
        if (from === 500) await secondAfter(Date.now());
        await Promise.all(sent.slice(from, from + 20).map((each) => provider.send(each, new AbortController().signal)));
      }
      const found = new Set<string>();
      let pages = 0;
      for (let next: string | null = null; pages === 0 || next !== null; pages++) {
        const page: LogPage = await provider.log.readPage(new Date(Date.now() - 600_000), next, never);
        for (const { emailId } of page.messages) found.add(emailId);
        expect(page.isCut ?? false).toBe(false);
        next = page.next;
      }
      expect(found.size).toBe(number);
      expect(pages).toBeGreaterThan(1);
    }
  } finally {
    await own.stop();
  }
});
