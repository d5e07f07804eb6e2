import type { LiveSample, LiveState } from '../../api/live.js';
import { plural } from '../../ui/numbers.js';
import { Banner } from '../../ui/states.js';

type Queue = LiveSample['queues'][number];
type Provider = LiveSample['providers'][number];

/** What a person should know before anything else: what cannot be sent, and why. */
export function Alarms({ sample, state }: { readonly sample: LiveSample; readonly state: LiveState['state'] }) {
  const blocked = sample.queues.filter((queue) => !queue.paused && queue.admitting_providers.length === 0);
  const paused = sample.queues.filter(({ paused: is }) => is);
  const down = sample.providers.filter((provider) => provider.configured && troubleOf(provider));
  const isAllPaused = paused.length === sample.queues.length;
  const areOthersWell = sample.providers.some((provider) => provider.configured && !troubleOf(provider));
  return (
    <>
      {state === 'trouble' && (
        <Banner tone="warn">
          <strong>The api cannot look into the database now.</strong> What you see is how it last stood.
        </Banner>
      )}
      {blocked.length > 0 && (
        <Banner tone="bad">
          <strong>{subject(blocked, sample)} cannot be sent: no provider takes it.</strong>
          <Reasons providers={down} />
        </Banner>
      )}
      {blocked.length === 0 && down.length > 0 && (
        <Banner tone="warn">
          <strong>{down.length === 1 ? `${down[0]!.provider} takes nothing.` : 'Some providers take nothing.'}</strong>{' '}
          {!isAllPaused && (areOthersWell ? 'Mail goes through the others.' : 'Single e-mails try them.')}
          <Reasons providers={down} />
        </Banner>
      )}
      {paused.length > 0 && (
        <Banner tone="warn">
          <strong>{isAllPaused ? 'All sending' : paused.map(nameOf).join(' and ')} is paused.</strong>{' '}
          {plural(
            paused.reduce((sum, { waiting }) => sum + waiting, 0),
            'e-mail',
          )}{' '}
          {'wait. Nothing is lost.'}
        </Banner>
      )}
    </>
  );
}

const nameOf = ({ priority }: Queue) => priority;
const subject = (blocked: readonly Queue[], sample: LiveSample) =>
  blocked.length === sample.queues.length ? 'Mail' : `Mail of priority ${blocked.map(nameOf).join(' and ')}`;

function Reasons({ providers }: { readonly providers: readonly Provider[] }) {
  return (
    <ul>
      {providers.map((provider) => (
        <li key={provider.provider}>
          {provider.provider}: {troubleOf(provider)}
        </li>
      ))}
    </ul>
  );
}

/** Why a provider takes nothing now; undefined: it does. */
export function troubleOf({ enabled, forced, breaker, per_day, used_today, reason }: Provider): string | undefined {
  const because = reason ? ` (${reason})` : '';
  if (!enabled) return `switched off by an operator${because}`;
  if (forced === 'open') return `its breaker is held open by an operator${because}`;
  if (breaker.misconfigured) return `it refuses our account${codeOf(breaker.last_code)}: a person has to look`;
  if (forced !== 'closed' && breaker.state === 'open') {
    return `its breaker is open after ${plural(breaker.failures, 'failure')}${codeOf(breaker.last_code)}`;
  }
  if (forced !== 'closed' && breaker.state === 'half_open') return 'its breaker is half open: it is being tried';
  if (per_day !== null && used_today >= per_day) return 'its quota of today is used up';
  return undefined;
}

const codeOf = (code: string | null) => (code ? `, the last one ${code}` : '');
