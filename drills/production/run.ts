import { CannotDrill } from '../drill.js';
import { loadNow } from '../run.js';
import type { Row } from './report.js';
import { type Disaster, type DisasterOptions, NO_OUTCOME, type Scenario } from './scenario.js';
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
  return names.map((name) => {
    const [of, one] = name.split('/');
    const scenario = SCENARIOS.find((each) => each.name === of);
    const disasters = scenario?.disasters.filter((disaster) => one === undefined || disaster.name === one) ?? [];
    if (!scenario || disasters.length === 0) throw new Error(`no production drill ${name}`);
    return { scenario, disasters };
  });
}

/** Runs disasters one after another, each on a system of its own. @param done told each row as it comes. */
export async function runProduction(
  chosen: readonly Chosen[],
  options: Omit<DisasterOptions, 'say'> & { readonly say: (what: string, sentence: string) => void },
  done: (row: Row) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { scenario, disasters } of chosen) {
    const missing = await reasonToSkip(scenario, (sentence) => options.say(scenario.name, sentence));
    for (const disaster of disasters) {
      const what = `${scenario.name}/${disaster.name}`;
      const say = (sentence: string) => options.say(what, sentence);
      const row = await runOne(what, disaster, { ...options, say }, missing);
      rows.push(row);
      done(row);
    }
  }
  return rows;
}

async function reasonToSkip(scenario: Scenario, say: (sentence: string) => void): Promise<string | undefined> {
  try {
    await scenario.install?.(say);
    return undefined;
  } catch (error) {
    if (error instanceof CannotDrill) return error.message;
    throw error;
  }
}

async function runOne(what: string, disaster: Disaster, options: DisasterOptions, missing?: string): Promise<Row> {
  const startedAt = Date.now();
  const about = { what, how: disaster.how, at: new Date(startedAt).toISOString(), emails: options.emails };
  const spent = () => ({ tookS: Math.round((Date.now() - startedAt) / 1000), load: loadNow() });
  if (missing) return { ...about, skipped: missing, ...spent() };
  try {
    return { ...about, outcome: await disaster.run(options), ...spent() };
  } catch (error) {
    if (error instanceof CannotDrill) return { ...about, skipped: error.message, ...spent() };
    const broken = [`the drill itself failed: ${(error as Error).stack}`];
    return { ...about, outcome: { ...NO_OUTCOME, broken }, ...spent() };
  }
}
