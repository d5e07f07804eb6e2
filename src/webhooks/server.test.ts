import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf } from '../../test/support/record.js';
import {
  cuttableDatabase,
  insertEmail,
  mailgunBody,
  mailgunEvent,
  mandrillEvent,
  NO_TEMPORAL,
  type OwnWebhooks,
  postMailgun,
  postMandrill,
  startOwnWebhooks,
  startTestWebhooks,
} from '../../test/support/webhooks.js';

let service: OwnWebhooks;
beforeAll(async () => {
  service = await startOwnWebhooks();
});
afterAll(() => service?.stop());

const sentEmail = () => insertEmail(service.db, [{ provider: 'mailgun', state: 'accepted' }]);

describe('other addresses', () => {
  const get = (path: string, init?: RequestInit) => fetch(service.url + path, init);

  it.each(['/webhooks/mailgun', '/webhooks/mandrill'])('HEAD %s is 200, unsigned', async (path) => {
    expect((await get(path, { method: 'HEAD' })).status).toBe(200);
  });

  it('GET of a webhook is 405 and names what is allowed', async () => {
    const response = await get('/webhooks/mailgun');
    expect(response.headers.get('allow')).toMatch(/POST/);
    expect(await answerOf(response)).toEqual([405, 'method_not_allowed']);
  });

  it('an unknown address is 404', async () => expect(await answerOf(await get('/x'))).toEqual([404, 'not_found']));

  it('webhooks of providers that are not configured are 404', async () => {
    const other = await startTestWebhooks({
      databaseUrl: service.database.url,
      temporalAddress: NO_TEMPORAL,
      providers: 'mandrill,smtp',
    });
    expect((await postMailgun(other.url, '{}')).status).toBe(404);
    expect((await postMandrill(other.url, [])).status).toBe(200);
    await other.stop();
  });

  it('the pixel is an image that nobody may keep, and counts', async () => {
    const email = await sentEmail();
    const response = await get(`/api/email/${email.id}/open`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/gif');
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect((await response.arrayBuffer()).byteLength).toBe(43);
    expect(await service.record.statusOf(email)).toBe('opened');
  });

  it('HEAD of the pixel counts nothing', async () => {
    const email = await sentEmail();
    expect((await get(`/api/email/${email.id}/open`, { method: 'HEAD' })).status).toBe(200);
    expect(await service.record.statusOf(email)).toBe('queued');
  });

  it.each(['x', '019ab000-0000-7000-8000-00000000ffff', '%00', '%F0', '..%2F..'])(
    'the pixel is an image whatever the id: %s',
    async (id) => {
      const response = await get(`/api/email/${id}/open`);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/gif']);
    },
  );

  it('is healthy and ready', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' });
  });
});

describe('GET /readyz', () => {
  it('costs the database few looks, however many ask at once', async () => {
    const wire = await cuttableDatabase(service.database.url);
    const watched = await startTestWebhooks({ databaseUrl: wire.url, temporalAddress: NO_TEMPORAL });
    try {
      const ask = async () => (await fetch(`${watched.url}/readyz`)).status;
      expect(await ask()).toBe(200);
      const before = wire.journeys();
      const answers = await Promise.all(Array.from({ length: 200 }, ask));
      expect(new Set(answers)).toEqual(new Set([200]));
      expect(wire.journeys() - before).toBeLessThan(100);
    } finally {
      await watched.stop();
      wire.close();
    }
  });
});

describe('while the database is away', () => {
  it('starts, answers 503, shows the pixel, and stores the repetitions once it is back', async () => {
    const wire = await cuttableDatabase(service.database.url);
    wire.cut();
    const lonely = await startTestWebhooks({ databaseUrl: wire.url, temporalAddress: NO_TEMPORAL });
    const email = await sentEmail();
    const body = mailgunBody(mailgunEvent(email, 'delivered'));
    const batch = [mandrillEvent(email, 'open')];
    const both = async () => [
      await answerOf(await postMailgun(lonely.url, body)),
      await answerOf(await postMandrill(lonely.url, batch)),
    ];
    const away = [503, 'database_unavailable'];

    expect(await both()).toEqual([away, away]);
    wire.mend();
    expect(await both()).toEqual([[200], [200]]);
    wire.cut();
    expect(await both()).toEqual([away, away]);
    const response = await postMailgun(lonely.url, body);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const pixel = await fetch(`${lonely.url}/api/email/${email.id}/open`);
    expect([pixel.status, pixel.headers.get('content-type')]).toEqual([200, 'image/gif']);
    expect((await fetch(`${lonely.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${lonely.url}/healthz`)).status).toBe(200);
    wire.mend();
    expect(await both()).toEqual([[200], [200]]);
    expect((await fetch(`${lonely.url}/readyz`)).status).toBe(200);

    expect(await service.record.eventsOf(email)).toHaveLength(2);
    expect(await service.record.statusOf(email)).toBe('opened');
    await lonely.stop();
    wire.close();
  });
});
