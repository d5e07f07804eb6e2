import type { Costs } from '../compare.js';
import { sum } from '../harness/figures.js';
import { recall } from '../results.js';

/** What one e-mail costs, from submission to opened, as measured; CPU in milliseconds on the machine that measured. */
export interface EmailCost {
  readonly apiCpuMs: number;
  readonly dispatcherCpuMs: number;
  readonly workerCpuMs: number;
  readonly webhooksCpuMs: number;
  readonly temporalCpuMs: number;
  readonly databaseCpuMs: number;
  /** What stands for the world outside on a machine of its own: the sandbox. */
  readonly othersCpuMs: number;
  readonly statements: number;
  readonly walBytes: number;
  readonly historyBytes: number;
  readonly actions: number;
  /** The share of the cores that was used when there was always work: the rest waits, for disks and for one another. */
  readonly usedShare: number;
  /** Hand-over of a lone e-mail, without the provider's own time: acceptance, dispatch, workflow, call. */
  readonly idleHandOverMs: number;
}

/** One run of `npm run bench` on two cores, its long rounds; `docs/capacity.md` is made of it. Where nobody has measured. */
export const DOCUMENTED: EmailCost = {
  apiCpuMs: 0.86,
  dispatcherCpuMs: 1.25,
  workerCpuMs: 13.68,
  webhooksCpuMs: 3.09,
  temporalCpuMs: 33.18,
  databaseCpuMs: 5.8,
  othersCpuMs: 3.44,
  statements: 45.4,
  walBytes: 7_616,
  historyBytes: 3_542,
  actions: 6.5,
  usedShare: 0.89,
  idleHandOverMs: 33,
};

/** The costs of the latest `npm run bench` here, else the documented ones. */
export function emailCost(): { readonly cost: EmailCost; readonly source: string } {
  const latest = recall<{ measuredAt: string; cores: number; costs: Costs[]; backlogs: { costs: Costs }[] }>(
    'latest.json',
  );
  // The longer rounds, when there were any: the short ones' beginnings and ends, with less work than cores, weigh more.
  const ours = latest?.backlogs[0]?.costs ?? latest?.costs.find(({ name }) => name === 'ours');
  if (!latest || !ours) return { cost: DOCUMENTED, source: 'docs/capacity.md' };
  const idle = recall<{ idle: { p50Ms: number } }>('isolation.json')?.idle.p50Ms;
  const cpu = (pattern: RegExp) =>
    sum(Object.entries(ours.cpuMs).flatMap(([process, ms]) => (pattern.test(process) ? [ms] : [])));
  return {
    cost: {
      apiCpuMs: cpu(/^api/),
      dispatcherCpuMs: cpu(/^dispatcher/),
      workerCpuMs: cpu(/^worker/),
      webhooksCpuMs: cpu(/^webhooks/),
      temporalCpuMs: cpu(/^Temporal/),
      databaseCpuMs: cpu(/^PostgreSQL/),
      othersCpuMs: cpu(/^(sandbox|driver)/),
      statements: ours.statements ?? DOCUMENTED.statements,
      walBytes: ours.walBytes ?? DOCUMENTED.walBytes,
      historyBytes: ours.history?.bytes ?? DOCUMENTED.historyBytes,
      actions: ours.history?.actions ?? DOCUMENTED.actions,
      usedShare: (ours.emailsPerS * sum(Object.values(ours.cpuMs))) / (latest.cores * 1000),
      idleHandOverMs: idle ?? DOCUMENTED.idleHandOverMs,
    },
    source: `the bench of ${latest.measuredAt}`,
  };
}

export const allCpuMs = (cost: EmailCost) =>
  cost.apiCpuMs +
  cost.dispatcherCpuMs +
  cost.workerCpuMs +
  cost.webhooksCpuMs +
  cost.temporalCpuMs +
  cost.databaseCpuMs +
  cost.othersCpuMs;
