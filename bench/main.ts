import { parseArgs } from 'node:util';
import { apiSentence, benchApi } from './api.js';
import { addWaiting, analyse, pause, removeWaiting } from './backlog.js';
import { besideTable, compareBuilds, differenceOf, idleTable } from './builds.js';
import { benchCluster, clusterTables } from './cluster/side-by-side.js';
import { type Costs, compare, costTable, nodeCpuMs } from './compare.js';
import { runQuick } from './counts/quick.js';
import { short, sum, table } from './harness/figures.js';
import { SECOND_NAMESPACE, type World, withWorld } from './harness/world.js';
import { benchHostile, hostileSentence } from './hostile.js';
import { profile } from './profile.js';
import { circumstances, keep, say, write } from './results.js';
import { startBare } from './variants/bare.js';
import { oursOn } from './variants/ours.js';
import { startPeer } from './variants/peer.js';
import { TIME_SCALE } from './variants/variant.js';
import { benchWebhooks, webhooksSentence } from './webhooks.js';

const USAGE = `npm run bench -- [compare | cluster | backlogs | webhooks | hostile | api | profile | with | beside] [NAME=VALUE ... | FOLDER] [--emails N] [--seconds N] [--shards N] [--short]
npm run bench -- --quick [--accept "reason"]
  compare     ours beside bare Temporal and beside a queue on PostgreSQL, in one run (this is the default)
  cluster     ours and bare on Temporal's dev server, beside both on a cluster of deploy/temporal, in one run
  backlogs    the second half of it alone: what an e-mail costs while 0 to 100,000 wait
  webhooks    10,000 webhooks as fast as the service takes them
  hostile     20 webhooks a second, alone and beside 10 MB a second of what nobody signed, 30 s each
  api         150 submissions a second for a minute, while the rest works
  profile     the functions in which each process spends its time, and the statements an e-mail costs
  with        ours as it is beside ours with other environment variables, as in "with DATABASE_POOL_SIZE=20"
  beside      ours beside the build of another checkout, as in "beside ../before"; both are scraped by a Prometheus
  --emails N  how many of each variant (4,000; with: 800), of each backlog (2,000), webhooks ÷ 2 (5,000)
  --seconds N how long the api is submitted to (60), the webhooks service attacked (30), or builds left idle (60)
  --shards N  how many history shards the cluster has (512)
  --short     a short run without backlogs
  --quick     nothing of these: counts what an e-mail costs in statements, events and bytes, compares it with
              bench/counts.json, and fails when something has risen by more than 3 %
  --accept    writes these counts to bench/counts.json, with the reason
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    emails: { type: 'string' },
    seconds: { type: 'string' },
    shards: { type: 'string' },
    short: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    accept: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const { short: brief, quick } = values;
const reason = values.accept?.trim();
const emails = countOf(values.emails);
const seconds = countOf(values.seconds);
const shards = countOf(values.shards);
const [what = 'compare', ...settings] = positionals;
const areSettings =
  what === 'with'
    ? settings.every((setting) => /^\w+=/.test(setting))
    : settings.length === (what === 'beside' ? 1 : 0);

const BENCHES: Readonly<Record<string, (world: World) => Promise<void>>> = {
  compare: compareAll,
  async cluster(world) {
    const about = circumstances();
    const options = { emails: emails ?? (brief ? 60 : 2_000), rounds: brief ? 2 : 4, shards: shards ?? 512, say };
    const result = await benchCluster(world, options);
    write(clusterTables(result));
    write(`Results: ${keep(`cluster-${options.shards}.json`, { ...about, ...result })}`);
  },
  async backlogs(world) {
    const about = circumstances();
    const stack = await world.startStack({ env: { SANDBOX_TIME_SCALE: String(TIME_SCALE) } });
    const backlogs = await withBacklogs(world, oursOn(world, stack));
    write(backlogTable(backlogs));
    write(`Results: ${keep('backlogs.json', { ...about, backlogs })}`);
  },
  async webhooks(world) {
    const about = circumstances();
    const result = await benchWebhooks(world, await world.startStack(), emails ?? (brief ? 200 : 5_000));
    write(webhooksSentence(result));
    write(`Results: ${keep('webhooks.json', { ...about, ...result })}`);
  },
  async hostile(world) {
    const about = circumstances();
    const options = { perS: 20, seconds: seconds ?? (brief ? 4 : 30), hostileBytesPerS: 10 * 2 ** 20 };
    const result = await benchHostile(world, await world.startStack(), options);
    write(hostileSentence(result));
    write(`Results: ${keep('hostile.json', { ...about, ...result })}`);
  },
  async api(world) {
    const about = circumstances();
    const result = await benchApi(world, await world.startStack(), { perS: 150, seconds: seconds ?? (brief ? 4 : 60) });
    write(apiSentence(result));
    write(`Results: ${keep('api.json', { ...about, ...result })}`);
  },
  with: compareSettings,
  async beside(world) {
    const about = circumstances();
    const size = { emails: emails ?? (brief ? 80 : 4_000), rounds: brief ? 2 : 10, idleS: seconds ?? (brief ? 4 : 60) };
    const result = await compareBuilds(world, { checkout: settings[0]!, ...size, say });
    write(besideTable(result));
    write(differenceOf(result));
    write(idleTable(result));
    write(`Results: ${keep('beside.json', { ...about, ...size, ...result })}`);
  },
  profile: (world) => profile(world, emails ?? (brief ? 20 : 400)),
};

const bench = BENCHES[what];
if (values.help) {
  write(USAGE);
} else if (quick ? positionals.length > 0 || brief || reason === '' : reason !== undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else if (quick) {
  process.exitCode = await runQuick(reason);
} else if (!bench || !areSettings || [emails, seconds, shards].some(Number.isNaN)) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  await withWorld(bench);
}

/** A number above zero; not a number where something else was given; undefined where nothing was. */
function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
}

async function compareAll(world: World): Promise<void> {
  const about = circumstances();
  const stack = await world.startStack({ env: { SANDBOX_TIME_SCALE: String(TIME_SCALE) } });
  const ours = oursOn(world, stack);
  const variants = [
    await startBare(world),
    ours,
    oursOn(world, stack, { name: 'ours, 100 KB attached', attachmentBytes: 100_000 }),
    await startPeer(world),
  ];
  const costs = await compare(world, variants, { emails: emails ?? (brief ? 120 : 4_000), rounds: brief ? 2 : 4, say });
  write(`${costTable(costs)}\n`);
  const backlogs = brief ? [] : await withBacklogs(world, ours);
  if (backlogs.length > 0) write(`${backlogTable(backlogs)}\n`);
  const [bare, whole] = costs as [Costs, Costs];
  write(
    `ours ÷ bare: ${short(whole.emailsPerS / bare.emailsPerS)} in e-mails a second (target 0.6); ` +
      `our processes take ${short(nodeCpuMs(whole) - nodeCpuMs(bare))} ms of CPU an e-mail more (target 15)`,
  );
  write(`Results: ${keep('latest.json', { ...about, costs, backlogs })}`);
}

/** Two systems on the same servers, in turn: what a setting brings. */
async function compareSettings(world: World): Promise<void> {
  const env = { SANDBOX_TIME_SCALE: String(TIME_SCALE) };
  const database = 'second';
  const url = await world.createDatabase(database);
  const namespace = SECOND_NAMESPACE;
  const first = await world.startStack({ env });
  const given = Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/s).slice(0, 2)));
  const second = await world.startStack({ databaseUrl: url, namespace, env: { ...env, ...given } });
  const other = { database, client: await world.connect(url), namespace };
  const variants = [oursOn(world, first), oursOn(world, second, { name: settings.join(' '), other })];
  const costs = await compare(world, variants, { emails: emails ?? 800, rounds: brief ? 2 : 6, say });
  write(costTable(costs));
}

/**
 * What an e-mail costs while others wait: half of them low and stopped, half of them medium and scheduled. At last once
 * more without any: what the run itself leaves behind in the servers costs, too, and is not the backlog's.
 */
async function withBacklogs(world: World, ours: ReturnType<typeof oursOn>) {
  await pause(world, 'low');
  const measured: { waiting: number; costs: Costs }[] = [];
  const measure = async (waiting: number) => {
    await analyse(world);
    const [costs] = await compare(world, [ours], { emails: emails ?? 2_000, rounds: 2, say });
    measured.push({ waiting, costs: costs! });
  };
  let there = 0;
  for (const waiting of [0, 1_000, 10_000, 100_000]) {
    const more = Math.round((waiting - there) / 2);
    if (more > 0) await addWaiting(world, { priority: 'low', count: more, dueInS: -1 });
    if (more > 0) await addWaiting(world, { priority: 'medium', count: more, dueInS: 86_400 });
    there = waiting;
    await measure(waiting);
  }
  await removeWaiting(world);
  await measure(0);
  return measured;
}

function backlogTable(backlogs: readonly { waiting: number; costs: Costs }[]): string {
  return table([
    ['waiting', 'e-mails/s', 'CPU, ms an e-mail', 'of it PostgreSQL', 'dispatcher', 'statements'],
    ...backlogs.map(({ waiting, costs }) => [
      String(waiting),
      short(costs.emailsPerS),
      short(sum(Object.values(costs.cpuMs))),
      short(costs.cpuMs.PostgreSQL),
      short(costs.cpuMs.dispatcher),
      short(costs.statements),
    ]),
  ]);
}
