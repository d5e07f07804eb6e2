import type { BuildView, SeenRouting } from '../domain/fleets/builds.js';
import type { WantedRouting } from '../domain/fleets/routing.js';
import { PRIORITIES } from '../priority.js';
import type { BuildRouting } from '../temporal/builds.js';
import { type Api, UsageError } from './api.js';
import { type Command, type Commands, need, type Output, path } from './command.js';
import { since, table } from './format.js';

interface Builds {
  readonly wanted: (WantedRouting & { readonly changed_by: string | null }) | null;
  readonly seen: SeenRouting | null;
  readonly builds: readonly BuildView[];
}

const NONE = 'none';

const total = (numbers: BuildView['pinned']) => PRIORITIES.reduce((sum, each) => sum + numbers[each], 0);
const each = (numbers: BuildView['pinned']) => PRIORITIES.map((priority) => numbers[priority]).join('/');

function verdictOf({ build_id, missing, may_end, retired, workers }: BuildView): string {
  if (missing.length > 0) return `START WORKERS of ${missing.join(', ')}${build_id === null ? '' : ', or retire it'}`;
  if (may_end) return total(workers) > 0 ? 'may be ended' : 'over';
  return retired ? 'being moved' : 'needed';
}

const routingOf = ({ current, ramping }: BuildRouting) =>
  `${current ?? 'workers without a build'}${ramping ? `, and ${ramping.percent} % on ${ramping.build_id || 'workers without a build'}` : ''}`;

function textOf({ wanted, seen, builds }: Builds): string {
  if (builds.length === 0) return 'No worker has a build: any of them continues any e-mail (WORKER_BUILD_ID).';
  const rows = builds.map((build) => [
    build.build_id ?? NONE,
    `${build.share} %`,
    total(build.pinned),
    each(build.workers),
    build.stuck,
    verdictOf(build),
  ]);
  const lines = [table(['build', 'begins', 'stay', 'workers c/m/l', 'stuck', 'its workers'], rows), ''];
  if (!wanted) lines.push('E-mails begin where Temporal lets them: nothing was promoted here yet.');
  else {
    const { reason, changed_at, changed_by } = wanted;
    const who = changed_by ? ` by ${changed_by}` : '';
    lines.push(`E-mails are to begin on ${routingOf(wanted)}, ${since(String(changed_at))} ago${who}: ${reason}`);
    if (wanted.previous !== null) lines.push(`Before: ${wanted.previous}`);
  }
  if (!seen) lines.push('No dispatcher has looked into Temporal yet.');
  else if (wanted && routingOf(seen) !== routingOf(wanted))
    lines.push(
      `TEMPORAL HAS NOT FOLLOWED: there they begin on ${routingOf(seen)}, as seen ${since(String(seen.at))} ago`,
    );
  else lines.push(`Seen in Temporal ${since(String(seen.at))} ago.`);
  return lines.join('\n');
}

const shown = (json: Builds): Output => ({ json, text: textOf(json) });

async function change(api: Api, where: string, reason: string | undefined, body: object = {}): Promise<Output> {
  const given = { ...body, reason: need(reason, '--reason') };
  return shown(await api.call<Builds>('POST', `/api/admin/builds/${where}`, given));
}

/** A command that changes where e-mails begin, for a reason. */
const changing = (
  described: Pick<Command, 'summary' | 'example' | 'help' | 'usage'>,
  words: number,
  run: (api: Api, words: readonly string[], reason: string | undefined) => Promise<Output>,
): Command => ({
  ...described,
  options: ['reason'],
  words,
  run: (api, given, { reason }) => run(api, given, reason),
});

export const deployCommands: Commands = {
  'deploy status': {
    usage: '',
    summary: 'the builds of the workers: where e-mails begin, and what still runs on older ones',
    example: 'tempost deploy status',
    words: 0,
    help: `Of workers with a WORKER_BUILD_ID. "begins": of a hundred e-mails that begin now. "stay": e-mails under way
that stay with the build. "stuck": those of a priority of which the build has no worker. "may be ended": nothing
begins there, and nothing is under way.`,
    run: async (api) => shown(await api.call<Builds>('GET', '/api/admin/builds')),
  },
  'deploy ramp': changing(
    {
      usage: 'BUILD PERCENT --reason TEXT',
      summary: 'have some of a hundred e-mails begin on a build',
      example: "tempost deploy ramp 1.3.0 10 --reason 'release 1.3.0'",
    },
    2,
    (api, [build, percent], reason) => {
      const number = Number(need(percent, 'the percentage'));
      if (!Number.isFinite(number)) throw new UsageError('The percentage must be a number.');
      return change(api, path`${need(build, 'the build')}/ramp`, reason, { percent: number });
    },
  ),
  'deploy promote': changing(
    {
      usage: 'BUILD --reason TEXT',
      summary: 'have all e-mails begin on a build; what has begun stays with its own',
      example: "tempost deploy promote 1.3.0 --reason 'an hour at 10 %'",
    },
    1,
    (api, [build], reason) => change(api, path`${need(build, 'the build')}/promote`, reason),
  ),
  'deploy rollback': changing(
    {
      usage: '--reason TEXT',
      summary: 'end the ramp, or have e-mails begin on the build before again',
      example: "tempost deploy rollback --reason 'slower than before'",
    },
    0,
    (api, _words, reason) => change(api, 'rollback', reason),
  ),
  'deploy retire': changing(
    {
      usage: 'BUILD --reason TEXT',
      summary: 'move what stays with a build to the current one, so that its workers may end',
      example: "tempost deploy retire 1.2.0 --reason 'its machines are given back'",
      help: `For e-mails that are stuck as well: their build needs no worker for it. An older current build may not be able to
continue them: then they wait until the newer one is back, or their workflows are deleted ("Back to the release before"
in docs/operating.md). Leave the workers of the newer build running instead if they do their work.`,
    },
    1,
    (api, [build], reason) => change(api, path`${need(build, 'the build')}/retire`, reason),
  ),
  'deploy unset': changing(
    {
      usage: '--reason TEXT',
      summary: 'have e-mails begin on workers without a build',
      example: "tempost deploy unset --reason 'one fleet is enough'",
    },
    0,
    (api, _words, reason) => change(api, 'unset', reason),
  ),
};
