import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { World } from '../drills/world.js';
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
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tempost-interrupted-'));
    chmodSync(folder, 0o755); // As root PostgreSQL runs as another user, who must be able to pass.
    vi.stubEnv('TMPDIR', folder);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Programs that have files of ours: servers are told where theirs are. */
  const servers = () =>
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(`${folder}/`) && !line.includes('initdb'));

  it('while its PostgreSQL starts leaves neither the server nor its data, and begins nothing more', {
    timeout: patient(60_000),
  }, async () => {
    const options = { emails: 3, quick: true, cli: inject('temporalCli'), say: () => {} };
    const starting = World.start({}, options).catch((error: unknown) => error);
    await until('PostgreSQL is there', () => servers().length > 0);
    await Parts.endAll();
    expect(servers()).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    expect(await starting).toBeInstanceOf(Interrupted);
    expect(await World.start({}, options).catch((error: unknown) => error)).toBeInstanceOf(Interrupted);
    expect(readdirSync(folder)).toEqual([]);
  });
});
