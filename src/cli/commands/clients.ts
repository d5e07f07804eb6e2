import { PRIORITIES } from '../../priority.js';
import { type Api, UsageError } from '../api.js';
import { type Commands, need, type Output, path, query } from '../command.js';
import { facts, table } from '../format.js';
import { addKey, keyText } from './keys.js';
import { isPeriod, periodText, type Retention, retentionOf } from './periods.js';
import { type Rate, ratesOf, rateText } from './rates.js';

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly disabled: boolean;
  readonly created_at: string;
}

interface Client extends Listed {
  readonly failure_notices: boolean;
  readonly track_opens: boolean;
  readonly daily_limits: Readonly<Record<string, number>>;
  readonly submitted_today: Readonly<Record<string, number>>;
  readonly rate_limits: Readonly<Record<'send' | 'read', Rate>>;
  readonly retention: Retention;
}

interface Page {
  readonly clients: readonly Listed[];
  readonly next_cursor: string | null;
}

function show(client: Client): Output {
  const head = facts([
    ['id', client.id],
    ['name', client.name],
    ['disabled', client.disabled],
    ['senders are told of failures', client.failure_notices],
    ['opens are tracked', client.track_opens],
    ['submissions a second', rateText(client.rate_limits.send)],
    ['other requests a second', rateText(client.rate_limits.read)],
    ['contents are kept', periodText(client.retention, 'content')],
    ['records are kept', periodText(client.retention, 'record')],
  ]);
  const rows = PRIORITIES.map((each) => [each, client.submitted_today[each], client.daily_limits[each]]);
  return { json: client, text: `${head}\n\n${table(['priority', 'submitted today', 'daily limit'], rows)}` };
}

function changeOf(setting: string, value: string | undefined): object {
  if (setting === 'enable' || setting === 'disable') return { disabled: setting === 'disable' };
  if (setting === 'notices' || setting === 'opens') {
    if (value !== 'on' && value !== 'off') throw new UsageError(`What is set for ${setting} is "on" or "off".`);
    return { [setting === 'notices' ? 'failure_notices' : 'track_opens']: value === 'on' };
  }
  if (isPeriod(setting)) return { retention: retentionOf(setting, need(value, 'For how many days')) };
  if (!(PRIORITIES as readonly string[]).includes(setting)) {
    throw new UsageError(
      `"${setting}" is not one of enable, disable, notices, opens, content, record, ${PRIORITIES.join(', ')}.`,
    );
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
  clients: {
    usage: '[--limit N]',
    summary: 'the programs that may submit',
    example: 'tempost clients --limit 500',
    words: 0,
    options: ['limit'],
    help: '--limit N  default: 100, at most 1000',
    async run(api, _, { limit }) {
      const json = await api.call<Page>('GET', `/api/clients${query({ limit })}`);
      const rows = json.clients.map((each) => [each.id, each.name, each.disabled ? 'disabled' : '', each.created_at]);
      const more = json.next_cursor ? ['', 'There are more: --limit N shows more of them.'] : [];
      return { json, text: [table(['id', 'name', 'state', 'since'], rows), ...more].join('\n') };
    },
  },
  'clients add': {
    usage: 'NAME',
    summary: 'a new client, with an API key of its own',
    example: "tempost clients add 'Web shop'",
    words: 1,
    async run(api, [word]) {
      const client = await api.call<Client>('POST', '/api/clients', { name: need(word, 'The name') });
      const key = await addKey(api, client.id);
      const next = `It may send as nobody yet. Say as whom: tempost senders add ${client.id} example.com`;
      return { json: { client, key }, text: `${show(client).text}\n\n${keyText(key)}\n\n${next}` };
    },
  },
  'clients set': {
    usage: 'ID [--rate N] [--burst N] [--read-rate N] [--read-burst N]',
    summary: 'how many requests a client may make, over all api processes',
    example: 'tempost clients set 019a… --rate 20 --burst 100',
    words: 1,
    options: ['rate', 'burst', 'read-rate', 'read-burst'],
    help: `--rate N        submissions a second; "none" for no limit
--burst N       submissions at once; default: those of two seconds
--read-rate N   other requests a second; "none" for no limit
--read-burst N  other requests at once`,
    async run(api, [word], values) {
      const at = path`/api/clients/${need(word, 'The client’s id')}`;
      const rate_limits = ratesOf(values);
      if (Object.keys(rate_limits).length === 0)
        throw new UsageError('Nothing is to be set: give --rate or --read-rate.');
      return show(await api.call<Client>('PATCH', at, { rate_limits }));
    },
  },
  client: {
    usage:
      'ID [enable | disable | notices on|off | opens on|off | content DAYS | record DAYS | critical N | medium N | low N]',
    summary:
      'one client: what it may submit in a day, how long its e-mails are kept, whether senders are told of failures',
    example: 'tempost client 019a… low 500000',
    words: 3,
    help: `disable                none of its keys is taken any more; what was accepted is sent all the same
notices on|off         tell senders by e-mail when theirs has failed
opens on|off           track opens, where an e-mail does not say
content DAYS           keep what its e-mails say, and attachments, for so many days; "default", "forever"
record DAYS            keep all that is known of its e-mails for so many days; "default", "forever"
critical|medium|low N  at most N e-mails of the priority a day`,
    run,
  },
};
