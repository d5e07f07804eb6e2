import { Parts } from '../../test/support/servers/parts.js';
import { CannotDrill } from '../drill.js';
import { loadNow } from '../run.js';
import type { Row } from './report.js';
import { type Disaster, type DisasterOptions, NO_OUTCOME, type Scenario, type Shared } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';

/** A disaster and the scenario it is of. */
interface Chosen {
  readonly scenario: Scenario;
  readonly disasters: readonly Disaster[];
}

/**
 * @param names scenarios, or single disasters as `scenario/disaster`; none: all.
 * @throws Error naming what there is not.
 */
export function choose(names: readonly string[]): Chosen[] {
  if (names.length === 0) return SCENARIOS.map((scenario) => ({ scenario, disasters: scenario.disasters }));
  const chosen = new Set<Disaster>();
  for (const name of names) {
    const [of, one] = name.split('/');
    const all = SCENARIOS.find((scenario) => scenario.name === of)?.disasters ?? [];
    const disasters = all.filter((disaster) => one === undefined || disaster.name === one);
    if (disasters.length === 0) throw new Error(`no production drill ${name}`);
    for (const disaster of disasters) chosen.add(disaster);
  }
  // What a scenario shares is started once, however many of its disasters were named.
  return SCENARIOS.map((scenario) => ({
    scenario,
    disasters: scenario.disasters.filter((disaster) => chosen.has(disaster)),
  })).filter(({ disasters }) => disasters.length > 0);
}

/**
 * Runs disasters one after another, each on a system of its own.
 *
 * @param done told each row as it comes.
 * @throws Interrupted when everything is being ended: neither the disaster that runs nor a later one has a row then.
 */
export async function runProduction(
  chosen: readonly Chosen[],
  options: Omit<DisasterOptions, 'say'> & { readonly say: (what: string, sentence: string) => void },
  done: (row: Row) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { scenario, disasters } of chosen) {
    const sayOf = (what: string) => (sentence: string) => options.say(what, sentence);
    const begun = await begin(scenario, { ...options, say: sayOf(scenario.name) });
    for (const disaster of disasters) {
      const what = `${scenario.name}/${disaster.name}`;
      const row = await runOne(what, disaster, { ...options, say: sayOf(what) }, begun);
      rows.push(row);
      done(row);
    }
    await begun.shared?.end();
  }
  return rows;
}

/** What there is for all disasters of a scenario, or why they cannot be run. */
interface Begun {
  readonly shared?: Shared;
  readonly missing?: string;
  readonly failure?: Error;
}

async function begin(scenario: Scenario, options: DisasterOptions): Promise<Begun> {
  try {
    await scenario.install?.(options.say);
    return { shared: await scenario.begin?.(options) };
  } catch (error) {
    return error instanceof CannotDrill ? { missing: error.message } : { failure: error as Error };
  }
}

async function runOne(what: string, disaster: Disaster, options: DisasterOptions, begun: Begun): Promise<Row> {
  const startedAt = Date.now();
  const about = { what, how: disaster.how, at: new Date(startedAt).toISOString(), emails: options.emails };
  const spent = () => ({ tookS: Math.round((Date.now() - startedAt) / 1000), load: loadNow() });
  if (begun.missing) return { ...about, skipped: begun.missing, ...spent() };
  try {
    if (begun.failure) throw begun.failure;
    const outcome = await disaster.run(options, begun.shared);
    Parts.throwIfInterrupted();
    return { ...about, outcome, ...spent() };
  } catch (error) {
    Parts.throwIfInterrupted();
    if (error instanceof CannotDrill) return { ...about, skipped: error.message, ...spent() };
    const broken = [`the drill itself failed: ${(error as Error).stack}`];
    return { ...about, outcome: { ...NO_OUTCOME, broken }, ...spent() };
  }
}
