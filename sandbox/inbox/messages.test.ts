import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../server.js';
import { sendByMailgun, sendByMandrill } from '../testing.js';

/** Mail is not to be delivered meanwhile: what was sent is shown by then. */
const SLOWLY = 1_000;

describe('GET /sandbox/messages', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ inbox: true, timeScale: SLOWLY });
  });
  afterAll(() => sandbox.stop());

  const list = async (query: string, { url }: { readonly url: string } = sandbox) =>
    (await (await fetch(`${url}/sandbox/messages${query}`)).json()) as Record<string, unknown>[];

  const SENT = { text: 'Text', html: '<p>HTML</p>' };

  it.each([
    ['mailgun', 'no', false],
    ['mailgun', 'yes', true],
    ['mandrill', false, false],
    ['mandrill', true, true],
  ] as const)(
    '%s: shows text, HTML, headers, and whether opens are tracked: %s',
    async (provider, flag, trackOpens) => {
      const id = `${provider}-${trackOpens}`;
      if (provider === 'mailgun')
        await sendByMailgun(sandbox, id, { ...SENT, 'o:tracking-opens': flag, 'h:X-Note': 'a' });
      else {
        const headers = { 'Message-ID': `<${id}.1@mg.example.com>`, 'X-Note': 'a' };
        await sendByMandrill(sandbox, id, { ...SENT, track_opens: flag, headers });
      }
      const headers = expect.objectContaining({ 'X-Note': 'a' });
      expect(await list(`?email_id=${id}`)).toMatchObject([{ emailId: id, ...SENT, headers, trackOpens }]);
    },
  );

  it('says null for a body that was not sent', async () => {
    await sendByMandrill(sandbox, 'only-html', { text: undefined });
    expect(await list('?email_id=only-html')).toMatchObject([{ text: null, html: '<p>Thank you</p>' }]);
  });

  it('leaves the bodies out of the list of all', async () => {
    await sendByMailgun(sandbox, 'listed');
    const listed = (await list('?limit=1'))[0];
    expect(listed).toMatchObject({ emailId: 'listed', trackOpens: false });
    expect(listed).not.toHaveProperty('text');
  });

  it('knows the bodies after a restart, and none after everything was forgotten', async () => {
    const dir = `${sandbox.dir}/of-its-own`;
    const before = await startSandbox({ dir, inbox: true, timeScale: SLOWLY });
    await sendByMailgun(before, 'kept', SENT);
    await before.stop();
    const after = await startSandbox({ dir, inbox: true, timeScale: SLOWLY });
    expect(await list('?email_id=kept', after)).toMatchObject([SENT]);
    await fetch(`${after.url}/sandbox`, { method: 'DELETE' });
    await sendByMailgun(after, 'kept', { ...SENT, text: 'Another' });
    expect(await list('?email_id=kept', after)).toMatchObject([{ ...SENT, text: 'Another' }]);
    await after.stop();
  });
});
