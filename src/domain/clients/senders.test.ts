import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, insertClient, type TestDatabase } from '../../../test/support/database.js';
import {
  addSender,
  listSenders,
  MOST_SENDERS,
  maySend,
  parseSender,
  removeSender,
  sendersAllowing,
} from './senders.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('whom somebody may send as', () => {
  it.each([
    ['Example.COM', 'example.com'],
    [' orders@Example.com ', 'orders@example.com'],
    ['*.example.com', '*.example.com'],
    ['*', '*'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['a.b+c@xn--bcher-kva.example', 'a.b+c@xn--bcher-kva.example'],
  ])('reads %s', (text, sender) => expect(parseSender(text)).toBe(sender));

  it.each([
    ...[
      '',
      'com',
      '*.com',
      '**',
      '@example.com',
      'a@b@example.com',
      'a b@example.com',
      'a@*.example.com',
      'a..b@example.com',
    ],
    ...[
      '-x.example.com',
      'example.com.',
      'x.*.example.com',
      '*@example.com,',
      '1.2.3.4',
      'a@[1.2.3.4]',
      `${'a'.repeat(65)}@example.com`,
    ],
    ...['example.com/x', 'exa_mple.com', '*.', '*.*.example.com', `${'a.'.repeat(130)}example.com`],
  ])('reads nothing in %j', (text) => expect(parseSender(text)).toBeUndefined());

  it('is its address, its domain, and any domain above that has two labels', () => {
    expect(sendersAllowing('a@x.y.example.com')).toEqual([
      'a@x.y.example.com',
      'x.y.example.com',
      '*.y.example.com',
      '*.example.com',
    ]);
    expect(sendersAllowing('a@example.com')).toEqual(['a@example.com', 'example.com']);
  });

  it('is nobody for a new list, and what was added until it is removed', async () => {
    const { id } = await insertClient(database.db, { senders: [] });
    const may = (address: string) => maySend(database.db, id, address);
    expect(await may('a@example.com')).toBe(false);
    await addSender(database.db, id, '*.example.com');
    expect(await Promise.all([may('a@x.example.com'), may('a@example.com'), may('a@xexample.com')])).toEqual([
      true,
      false,
      false,
    ]);
    await addSender(database.db, id, 'a@example.org');
    expect(await Promise.all([may('a@example.org'), may('b@example.org')])).toEqual([true, false]);
    expect(await removeSender(database.db, id, '*.example.com')).toBe(true);
    expect(await removeSender(database.db, id, '*.example.com')).toBe(false);
    expect(await may('a@x.example.com')).toBe(false);
    expect(await addSender(database.db, id, '*')).toBe('added');
    expect(await may('anybody@x.example.com')).toBe(true);
    expect((await listSenders(database.db, id))?.map(({ sender }) => sender)).toEqual(['*', 'a@example.org']);
    expect(await removeSender(database.db, id, '*')).toBe(true);
    expect(await may('anybody@x.example.com')).toBe(false);
  });

  it('is of one client and not of another', async () => {
    const [one, other] = [
      await insertClient(database.db, { senders: [] }),
      await insertClient(database.db, { senders: [] }),
    ];
    await addSender(database.db, one.id, 'example.com');
    expect(await maySend(database.db, other.id, 'a@example.com')).toBe(false);
  });

  it('never is a longer list than is answered, however many are added at once', async () => {
    const { id } = await insertClient(database.db, { senders: [] });
    const rows = Array.from({ length: MOST_SENDERS - 1 }, (_, n) => ({ client_id: id, sender: `d${n}.example.com` }));
    await database.db.insertInto('client_senders').values(rows).execute();
    const added = await Promise.all(['a', 'b', 'c'].map((name) => addSender(database.db, id, `${name}.example.org`)));
    expect(added.sort()).toEqual(['added', 'too_many', 'too_many']);
    expect(await addSender(database.db, id, 'd0.example.com')).toBe('added');
  });

  it('is not known of a client that is none', async () => {
    const nobody = '019a0000-0000-7000-8000-000000000000';
    expect(await addSender(database.db, nobody, 'example.com')).toBe('no_client');
    expect(await listSenders(database.db, nobody)).toBeUndefined();
    expect(await maySend(database.db, nobody, 'a@example.com')).toBe(false);
  });
});
