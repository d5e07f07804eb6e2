import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { Backups } from '../drills/production/restore/backups.js';
import { patient } from './support/patience.js';
import { Interrupted, Parts } from './support/servers/parts.js';
import { until } from './support/until.js';

/** Starts of servers outlive the program that has begun them. */
describe('parts that are started one by one', () => {
  const part = (name: string, ended: string[]) => [() => delay(5, name), () => void ended.push(name)] as const;

  it('are ended in reverse, once, and the one that is starting as well', async () => {
    const ended: string[] = [];
    const parts = new Parts('test');
    await parts.start(...part('first', ended));
    parts.own('second', () => void ended.push('second'));
    const third = parts.start(...part('third', ended));
    await Promise.all([parts.end(), parts.end(), expect(third).rejects.toThrow(Interrupted)]);
    expect(ended).toEqual(['third', 'second', 'first']);
  });

  it('are ended at once when they come after the end, and nothing more is started', async () => {
    const ended: string[] = [];
    const parts = new Parts('test');
    await parts.end();
    expect(() => parts.own('late', () => void ended.push('late'))).toThrow(Interrupted);
    await parts.end();
    expect(ended).toEqual(['late']);
    const begin = vi.fn(async () => 'later');
    await expect(parts.start(begin, () => {})).rejects.toThrow(Interrupted);
    expect(begin).not.toHaveBeenCalled();
  });

  it('of which one hangs while it starts are ended without it, and it is as soon as it is there', async () => {
    const ended: string[] = [];
    const parts = new Parts('test', 20);
    await parts.start(...part('first', ended));
    let appear = () => {};
    const hanging = new Promise<void>((resolve) => {
      appear = resolve;
    });
    const second = parts.start(
      () => hanging,
      () => void ended.push('second'),
    );
    await parts.end();
    expect(ended).toEqual(['first']);
    appear();
    await expect(second).rejects.toThrow(Interrupted);
    await parts.end();
    expect(ended).toEqual(['first', 'second']);
  });

  it('that fail to start or to end keep none of the others', async () => {
    const ended: string[] = [];
    const parts = new Parts('test');
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await parts.start(...part('first', ended));
    parts.own('second', () => Promise.reject(new Error('it hangs')));
    const third = parts.start(
      () => Promise.reject(new Error('no port')),
      () => void ended.push('third'),
    );
    await expect(third).rejects.toThrow('no port');
    await parts.end();
    expect(told.mock.calls.flat()).toEqual(['test: not ended in order: Error: it hangs\n']);
    told.mockRestore();
    expect(ended).toEqual(['first']);
  });
});

describe('a drill that is interrupted', () => {
  let folder: string;
  // A program is interrupted once.
  beforeEach(() => void vi.resetModules());
  const program = async () => ({
    ...(await import('../drills/production/run.js')),
    ...(await import('../drills/world.js')),
    ...(await import('./support/servers/parts.js')),
  });
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tempost-interrupted-'));
    chmodSync(folder, 0o755); // As root PostgreSQL runs as another user, who must be able to pass.
    vi.stubEnv('TMPDIR', folder);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  const options = { emails: 3, quick: true, cli: inject('temporalCli'), say: () => {} };

  /** Programs that have files of ours: servers are told where theirs are. */
  const servers = () =>
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(`${folder}/`) && !line.includes('initdb'));

  it('while its PostgreSQL starts leaves neither the server nor its data, and begins nothing more', {
    timeout: patient(60_000),
  }, async () => {
    const { World, Parts, Interrupted } = await program();
    const starting = World.start({}, options).catch((error: unknown) => error);
    await until('PostgreSQL is there', () => servers().length > 0);
    await Parts.endAll();
    expect(servers()).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    expect(await starting).toBeInstanceOf(Interrupted);
    expect(await World.start({}, options).catch((error: unknown) => error)).toBeInstanceOf(Interrupted);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('while its balancers start leaves none of them', { timeout: patient(60_000) }, async () => {
    const { World, Parts } = await program();
    const open = new Set<string>();
    let fail = () => {};
    const startBalancer = async (_port: number, _copies: unknown, name: string) => {
      if (name === 'api') await new Promise<void>((_, reject) => (fail = () => reject(new Error('no HAProxy'))));
      open.add(name);
      return { close: async () => void open.delete(name) };
    };
    // Nothing of ours starts before what stands before it: there need not be a Temporal.
    const servers = async () => ({ temporalAddress: '127.0.0.1:1' });
    const starting = World.start({ twoOfEach: true, startBalancer, servers }, options).catch((error: unknown) => error);
    await until('one is there', () => open.size > 0, 60_000);
    const ended = Parts.endAll();
    fail();
    await ended;
    expect([...open]).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    expect(await starting).toMatchObject({ message: 'no HAProxy' });
  });

  it('records neither the disaster that was being run nor those after it', async () => {
    const { runProduction, World, Parts, Interrupted } = await program();
    const lateWorld = vi.fn(async () => (await World.start({}, options)) as never);
    const disasters = [
      {
        name: 'runs',
        how: 'its servers are ended',
        run: () => Parts.endAll().then(() => Promise.reject(new Error('gone'))),
      },
      { name: 'later', how: 'it never begins', run: lateWorld },
    ];
    const rows: string[] = [];
    const chosen = [{ scenario: { name: 'all', tries: 'all', disasters }, disasters }];
    const running = runProduction(chosen, options, ({ what }) => rows.push(what));
    await expect(running).rejects.toThrow(Interrupted);
    expect(rows).toEqual([]);
    expect(lateWorld).not.toHaveBeenCalled();
  });

  it('has no PostgreSQL of which its backups are not told', { timeout: patient(60_000) }, async () => {
    const { ArchivedPostgres } = await import('../drills/production/restore/archived-postgres.js');
    const serves = vi.fn(() => {
      expect(servers()).not.toEqual([]);
      throw new Error('no such bucket');
    });
    const backups = { archiveCommand: '/bin/true', serves, drop: async () => {} } as unknown as Backups;
    await expect(ArchivedPostgres.start(() => backups)).rejects.toThrow('no such bucket');
    expect(serves).toHaveBeenCalledOnce();
    expect(servers()).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
