import type { ProviderChange, ProviderView } from '../../domain/provider-health/switches.js';
import { UsageError } from '../api.js';
import { type Commands, need, path } from '../command.js';
import { since, table } from '../format.js';

type ChangedProvider = ProviderView & { readonly changed_by: string | null };

interface Providers {
  readonly providers: readonly ChangedProvider[];
}

/** Every provider's switches and breaker, a line each. */
export function providerTable({ providers }: Providers): string {
  const headings = [
    'provider',
    'enabled',
    'breaker',
    'failures',
    'last code',
    'rate/s',
    'per day',
    'used today',
    'note',
  ];
  return table(
    headings,
    providers.map((provider) => [
      provider.provider,
      provider.configured ? provider.enabled : 'not set up',
      breakerWords(provider),
      provider.breaker.failures,
      provider.breaker.last_code,
      provider.rate_per_s ?? 'no limit',
      provider.per_day ?? 'no limit',
      provider.used_today,
      noteOf(provider),
    ]),
  );
}

function breakerWords({ forced, breaker }: ProviderView): string {
  if (forced) return `${forced} by an operator`;
  const state = breaker.state.replace('_', ' ');
  return breaker.state === 'open' && breaker.opened_at ? `${state} for ${since(String(breaker.opened_at))}` : state;
}

function noteOf({ breaker, reason, blocked_domains, changed_by }: ChangedProvider): string {
  const notes = [
    ...(breaker.misconfigured ? ['refuses our account: check its key, plan and domain'] : []),
    ...blocked_domains.map(({ domain, code }) => `does not take ${domain} (${code})`),
    ...(reason ? [changed_by ? `${reason} (${changed_by})` : reason] : []),
  ];
  return notes.join('; ');
}

/** `N`, or `none` for no limit. */
function limit(text: string | undefined): number | null {
  const word = need(text, 'The number (or "none")');
  if (word === 'none') return null;
  if (!/^\d+(\.\d+)?$/.test(word)) throw new UsageError(`"${word}" is not a number; "none" means no limit.`);
  return Number(word);
}

const ACTIONS: Readonly<Record<string, (value: string | undefined) => Omit<ProviderChange, 'reason'>>> = {
  enable: () => ({ enabled: true }),
  disable: () => ({ enabled: false }),
  open: () => ({ forced: 'open' }),
  close: () => ({ forced: 'closed' }),
  auto: () => ({ forced: null }),
  rate: (value) => ({ rate_per_s: limit(value) }),
  'per-day': (value) => ({ per_day: limit(value) }),
};
const TAKES_VALUE = ['rate', 'per-day'];

function changeOf(action: string, value: string | undefined): Omit<ProviderChange, 'reason'> {
  const make = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (!make) throw new UsageError(`"${action}" is not one of ${Object.keys(ACTIONS).join(', ')}.`);
  if (value !== undefined && !TAKES_VALUE.includes(action)) throw new UsageError(`"${action}" takes no value.`);
  return make(value);
}

export const providerCommands: Commands = {
  providers: {
    usage: '',
    summary: 'every provider: switches, breaker, limits',
    example: 'tempost providers',
    words: 0,
    async run(api) {
      const json = await api.call<Providers>('GET', '/api/admin/providers');
      return { json, text: providerTable(json) };
    },
  },
  provider: {
    usage: 'NAME disable|enable|open|close|auto|rate N|per-day N --reason TEXT',
    summary: 'switch a provider, force its breaker, limit it',
    example: "tempost provider mailgun rate 20 --reason 'a smaller plan'",
    words: 3,
    options: ['reason'],
    help: `disable, enable  make no call to it at all; make calls again
open, close      force its breaker: open refuses every call, close lets every call through
auto             leave the breaker to itself again
rate N           at most N calls a second, over all processes; "none" for no limit
per-day N        at most N calls a day; "none" for no limit`,
    async run(api, [name, action, value], { reason }) {
      const change = changeOf(need(action, 'What to do'), value);
      const body = { ...change, reason: need(reason, '--reason') };
      const json = await api.call<Providers>('PATCH', path`/api/admin/providers/${need(name, 'The name')}`, body);
      return { json, text: providerTable(json) };
    },
  },
};
