import type { Logger } from 'pino';
import type { ProviderName } from '../config.js';
import { type DueProbe, recordProbe, takeProbes } from '../domain/provider-health/probes.js';
import type { Db } from '../postgres/database.js';
import { type Loop, repeat } from '../process/loop.js';
import type { Provider } from '../providers/registry.js';

/** How often a process looks whether a probe is due; while every breaker is closed that is all it does. */
const LOOK_MS = 500;
/** A provider that takes longer to answer such a question is not back yet. */
const PATIENCE_MS = 3_000;

interface ProbeDependencies {
  readonly db: Db;
  readonly providers: ReadonlyMap<ProviderName, Provider>;
  readonly logger: Logger;
}

/** Asks providers that have failed whether they are back, by a call that sends nothing. */
export function startProbes(dependencies: ProbeDependencies): Loop {
  const look = async (): Promise<number> => {
    await probeDue(dependencies);
    return LOOK_MS;
  };
  return repeat('probes', look, dependencies.logger);
}

/** Makes the probes that are due and that no other process makes. */
async function probeDue({ db, providers, logger }: ProbeDependencies): Promise<void> {
  const due = await takeProbes(db, [...providers.keys()]);
  await Promise.all(due.map((probe) => probeOne({ db, providers, logger }, probe)));
}

async function probeOne({ db, providers, logger }: ProbeDependencies, probe: DueProbe): Promise<void> {
  const failed = await providers.get(probe.provider)?.probe(AbortSignal.timeout(PATIENCE_MS));
  const came = await recordProbe(db, probe, failed);
  const { provider, state } = probe;
  const code = failed?.code;
  if (came === 'well' && state === 'open') logger.info({ provider }, 'the provider answers again');
  else if (came === 'trouble' && state === 'closed') logger.warn({ provider, code }, 'the provider does not answer');
  else logger.debug({ provider, code }, 'probed');
}
