import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../test/support/api.js';
import { commandLine } from '../../test/support/cli.js';
import { insertClient } from '../../test/support/database.js';

let api: TestApi;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  ({ key: operator } = await insertClient(api.db, { operator: true }));
});
afterAll(() => api.stop());

const tempost = commandLine(() => ({ TEMPOST_URL: api.url, TEMPOST_API_KEY: operator }));

describe('tempost clients and keys', () => {
  const keyIn = (out: string) => /^tp_\S+$/m.exec(out)![0];
  const works = async (key: string) => (await tempost('suppressions', { TEMPOST_API_KEY: key })).code;

  it('make a client with a key that works, and one for an operator', async () => {
    const { out } = await tempost("clients add 'Web shop'");
    const id = /^id +(\S+)$/m.exec(out)![1]!;
    expect(await works(keyIn(out))).toBe(0);
    expect(out).toContain('It is shown only now');
    expect((await tempost('status', { TEMPOST_API_KEY: keyIn(out) })).code).toBe(1);
    expect((await tempost('clients')).out).toMatch(new RegExp(`^${id} +Web shop`, 'm'));
    const operators = keyIn((await tempost(`keys add ${id} --operator`)).out);
    expect((await tempost('status', { TEMPOST_API_KEY: operators })).code).toBe(0);
  });

  it('revoke a key, disable a client and enable it', async () => {
    const added = await tempost('clients add Old --json');
    const { client, key } = JSON.parse(added.out) as { client: { id: string }; key: { id: string; key: string } };
    const second = keyIn((await tempost(`keys add ${client.id}`)).out);
    expect((await tempost(`keys revoke ${client.id} ${key.id}`)).code).toBe(0);
    expect([await works(key.key), await works(second)]).toEqual([1, 0]);
    expect((await tempost(`keys ${client.id}`)).out).toMatch(
      new RegExp(`^${key.id} .* client( +\\S+){3} +\\S+Z$`, 'm'),
    );
    expect((await tempost(`client ${client.id} disable`)).out).toMatch(/disabled +yes/);
    expect(await works(second)).toBe(1);
    expect((await tempost(`client ${client.id} enable`)).out).toMatch(/disabled +no/);
    expect(await works(second)).toBe(0);
  });

  it('make keys that may less, for a while, and rotate them', async () => {
    const added = await tempost('clients add Scoped --json');
    const { client } = JSON.parse(added.out) as { client: { id: string } };
    const sender = await tempost(
      `keys add ${client.id} --scope send,content --expires 90d --rate 5 --allow ::1 --json`,
    );
    expect(JSON.parse(sender.out)).toMatchObject({
      scopes: ['send', 'content'],
      allowed_addresses: ['::1'],
      rate_limits: { send: { rate: 5, burst: 10 }, read: null },
      expires_at: expect.stringMatching(/Z$/),
    });
    const made = JSON.parse((await tempost(`keys add ${client.id} --json`)).out) as { id: string; key: string };
    const { out } = await tempost(`keys rotate ${client.id} ${made.id} --overlap 2h`);
    expect(out).toMatch(/The old one is taken until \S+Z\.$/);
    expect([await works(made.key), await works(keyIn(out))]).toEqual([0, 0]);
    expect(await tempost(`keys rotate ${client.id} ${made.id} --overlap soon`)).toMatchObject({ code: 2 });
    expect(await tempost(`keys rotate ${client.id} ${made.id}`)).toMatchObject({ code: 1 });
    const viewer = keyIn((await tempost(`keys add ${client.id} --role viewer --name Ada`)).out);
    expect((await tempost('status', { TEMPOST_API_KEY: viewer })).code).toBe(0);
    expect((await tempost('pause all --reason x', { TEMPOST_API_KEY: viewer })).error).toContain('insufficient_role');
    expect((await tempost(`keys ${client.id}`)).out).toMatch(/Ada +viewer +operator/);
  });

  it('say as whom a client may send, and how much', async () => {
    const { out } = await tempost("clients add 'Senders'");
    const id = /^id +(\S+)$/m.exec(out)![1]!;
    expect(out).toContain(`tempost senders add ${id} example.com`);
    expect((await tempost(`senders ${id}`)).out).toBe('It may send as nobody.');
    expect((await tempost(`senders add ${id} example.com`)).out).toMatch(/^example\.com +\S+Z$/m);
    expect((await tempost(`senders list ${id}`)).out).toContain('example.com');
    expect((await tempost(`senders remove ${id} example.com`)).code).toBe(0);
    expect((await tempost(`senders remove ${id} example.com`)).code).toBe(1);
    expect((await tempost(`senders add ${id} com`)).code).toBe(1);
    const set = await tempost(`clients set ${id} --rate 7 --read-rate none`);
    expect(set.out).toMatch(/submissions a second +7, 14 at once\nother requests a second +no limit/);
    for (const wrong of ['', '--burst 5', '--rate many']) {
      expect(await tempost(`clients set ${id} ${wrong}`.trim())).toMatchObject({ code: 2 });
    }
  });
});
