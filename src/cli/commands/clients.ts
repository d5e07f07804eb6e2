import { PRIORITIES } from '../../priority.js';
import { type Api, UsageError } from '../api.js';
import { type Commands, need, type Output, path } from '../command.js';
import { facts, table } from '../format.js';

interface Client {
  readonly id: string;
  readonly name: string;
  readonly failure_notices: boolean;
  readonly daily_limits: Readonly<Record<string, number>>;
  readonly submitted_today: Readonly<Record<string, number>>;
}

function show(client: Client): Output {
  const head = facts([
    ['id', client.id],
    ['name', client.name],
    ['senders are told of failures', client.failure_notices],
  ]);
  const rows = PRIORITIES.map((each) => [each, client.submitted_today[each], client.daily_limits[each]]);
  return { json: client, text: `${head}\n\n${table(['priority', 'submitted today', 'daily limit'], rows)}` };
}

function changeOf(setting: string, value: string | undefined): object {
  if (setting === 'notices') {
    if (value !== 'on' && value !== 'off') throw new UsageError('Notices are "on" or "off".');
    return { failure_notices: value === 'on' };
  }
  if (!(PRIORITIES as readonly string[]).includes(setting)) {
    throw new UsageError(`"${setting}" is not one of notices, ${PRIORITIES.join(', ')}.`);
  }
  if (!/^\d+$/.test(need(value, 'The daily limit'))) throw new UsageError(`"${value}" is not a number of e-mails.`);
  return { daily_limits: { [setting]: Number(value) } };
}

async function run(api: Api, [word, setting, value]: readonly string[]): Promise<Output> {
  const at = path`/api/clients/${need(word, 'The client’s id')}`;
  if (setting === undefined) return show(await api.call<Client>('GET', at));
  return show(await api.call<Client>('PATCH', at, changeOf(setting, value)));
}

export const clientCommands: Commands = {
  client: {
    usage: 'ID [notices on|off | critical N | medium N | low N]',
    summary: 'what a client may submit in a day, and whether its senders are told of failures',
    words: 3,
    help: `notices on|off         tell senders by e-mail when theirs has failed
critical|medium|low N  at most N e-mails of the priority a day`,
    run,
  },
};
