import { describe, expect, it } from 'vitest';
import { longestGapS } from '../drills/count.js';
import { CannotDrill } from '../drills/drill.js';
import { submitSet } from '../drills/known-set.js';
import { table } from '../drills/production/report.js';
import { choose, runProduction } from '../drills/production/run.js';
import { type Disaster, NO_OUTCOME, type Scenario } from '../drills/production/scenario.js';
import { SCENARIOS } from '../drills/production/scenarios/index.js';
import { SharedSystem } from '../drills/production/system.js';
import type { Stack, Submission } from './support/stack.js';

const OPTIONS = { emails: 3, quick: true, cli: 'temporal', say: () => {} };
const disaster = (name: string, run: Disaster['run']): Disaster => ({ name, how: `${name} breaks`, run });
const scenario = (name: string, ...disasters: Disaster[]): Scenario => ({ name, tries: name, disasters });
const kept = async () => ({
  ...NO_OUTCOME,
  accepted: 3,
  withoutAcceptanceS: 1.5,
  criticalS: 2,
  notes: ['led after 1 s'],
});

describe('drills of production', () => {
  it('are chosen by scenario or by disaster, and what there is not is refused', () => {
    expect(choose([]).map(({ scenario }) => scenario)).toEqual(SCENARIOS);
    const [first] = SCENARIOS;
    const one = `${first!.name}/${first!.disasters[0]!.name}`;
    expect(choose([one])[0]!.disasters).toEqual([first!.disasters[0]]);
    expect(choose([one, first!.name])).toEqual([{ scenario: first, disasters: first!.disasters }]);
    for (const name of ['no-such', `${first!.name}/no-such`])
      expect(() => choose([name])).toThrow(`no production drill ${name}`);
  });

  it('have names that differ', () => {
    const names = SCENARIOS.flatMap(({ name, disasters }) => [
      name,
      ...disasters.map((each) => `${name}/${each.name}`),
    ]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('what cannot be had is told as skipped, what fails as broken, and the others go on', async () => {
    const lacking: Scenario = {
      ...scenario('lacking', disaster('a', kept)),
      install() {
        throw new CannotDrill('there is no etcd here');
      },
    };
    const failing = scenario(
      'failing',
      disaster('skips', () => Promise.reject(new CannotDrill('it takes root'))),
      disaster('fails', () => Promise.reject(new Error('it broke'))),
      disaster('holds', kept),
    );
    const told: string[] = [];
    const chosen = [lacking, failing].map((each) => ({ scenario: each, disasters: each.disasters }));
    const rows = await runProduction(chosen, OPTIONS, ({ what }) => told.push(what));
    expect(told).toEqual(['lacking/a', 'failing/skips', 'failing/fails', 'failing/holds']);
    expect(rows.map(({ skipped, outcome }) => skipped ?? outcome?.broken.map((text) => text.split('\n')[0]))).toEqual([
      'there is no etcd here',
      'it takes root',
      ['the drill itself failed: Error: it broke'],
      [],
    ]);
    const lines = table(rows).split('\n');
    expect(lines.filter((line) => line.startsWith('    skipped: '))).toEqual([
      '    skipped: there is no etcd here',
      '    skipped: it takes root',
    ]);
    expect(lines.some((line) => line.startsWith('    BROKEN: the drill itself failed'))).toBe(true);
    expect(lines.at(-2)).toMatch(/^failing\/holds +3 +0 +0 +0 +1\.5 s +2 s +- .* holds breaks$/);
    expect(lines.at(-1)).toBe('    led after 1 s');
  });

  it('that share a cluster end what there is of it when it cannot be started, and tell why each is skipped', async () => {
    const ended: string[] = [];
    const lame: Scenario = {
      ...scenario('lame', disaster('a', kept), disaster('b', kept)),
      begin: (options) =>
        SharedSystem.start(
          options,
          async (own) => {
            for (const part of ['first', 'second']) own(() => ended.push(part));
            throw new CannotDrill('there is no third');
          },
          () => ({}),
        ),
    };
    const rows = await runProduction([{ scenario: lame, disasters: lame.disasters }], OPTIONS, () => {});
    expect(rows.map(({ skipped }) => skipped)).toEqual(['there is no third', 'there is no third']);
    expect(ended).toEqual(['second', 'first']);
  });

  it('the time without acceptance is the longest between two acceptances that follow one another', () => {
    expect(longestGapS([])).toBe(0);
    expect(longestGapS([5_000])).toBe(0);
    expect(longestGapS([9_250, 1_000, 2_000, 2_500])).toBe(6.8);
  });

  it('submit mail for as long as it is not healed, each e-mail with a key of its own', async () => {
    const keys: string[] = [];
    let heal = () => {};
    const healed = new Promise<void>((resolve) => {
      heal = resolve;
    });
    const stack = {
      async post({ idempotencyKey }: Submission) {
        keys.push(idempotencyKey!);
        if (keys.length === 9) heal();
        return Response.json({ id: idempotencyKey });
      },
    } as unknown as Stack;
    const drill = { name: 'long', breaks: '', outageS: { full: 0, quick: 0 }, breakAndHeal: async () => {} };
    const known = await submitSet(stack, drill, { emails: 3, overMs: 30, until: healed });
    expect(known.length).toBeGreaterThanOrEqual(9);
    expect(new Set(keys).size).toBe(known.length);
    expect(known.map(({ n }) => n)).toEqual(known.map((_, n) => n));
    keys.length = 0;
    expect(await submitSet(stack, drill, { emails: 3, overMs: 30 })).toHaveLength(3);
  });
});
