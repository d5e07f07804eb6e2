import { call } from '../../api/call.js';
import type { LiveSample } from '../../api/live.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Choice, Field } from '../../ui/field.js';

type Provider = LiveSample['providers'][number];

interface DialogProps {
  readonly provider: Provider;
  readonly close: () => void;
}

const CHOICES = [
  ['auto', 'On: its breaker decides'],
  ['closed', 'Forced closed: everything is tried there'],
  ['open', 'Forced open: nothing is tried there'],
  ['off', 'Off'],
] as const;

const CHANGES = {
  auto: { enabled: true, forced: null },
  closed: { enabled: true, forced: 'closed' },
  open: { enabled: true, forced: 'open' },
  off: { enabled: false },
} as const;

export function SwitchDialog({ provider, close }: DialogProps) {
  const { provider: name, enabled, forced } = provider;
  return (
    <ActDialog
      title={`Switch ${name}`}
      touches={`Every process heeds it from its next call on; a call that is under way is finished. What ${name} does not take goes to the next provider, or waits. Switching back undoes it.`}
      verb="Switch"
      asksWhy
      act={(form) =>
        call('changeProvider', {
          params: { name },
          body: {
            ...CHANGES[form.get('state') as keyof typeof CHANGES],
            reason: textOf(form, 'reason')!,
          },
        })
      }
      done={`${name} is switched.`}
      close={close}
    >
      <Choice label="State" name="state" options={CHOICES} value={enabled ? (forced ?? 'auto') : 'off'} />
    </ActDialog>
  );
}

const numberIn = (form: FormData, name: string) => {
  const text = textOf(form, name);
  return text === undefined ? null : Number(text);
};

export function LimitsDialog({ provider, close }: DialogProps) {
  const { provider: name, rate_per_s, per_day } = provider;
  return (
    <ActDialog
      title={`Limits of ${name}`}
      touches="Over all processes. What is beyond goes to the next provider, or waits. A changed rate holds from its change on."
      verb="Change"
      asksWhy
      act={(form) =>
        call('changeProvider', {
          params: { name },
          body: {
            rate_per_s: numberIn(form, 'rate_per_s'),
            per_day: numberIn(form, 'per_day'),
            reason: textOf(form, 'reason')!,
          },
        })
      }
      done={`The limits of ${name} are changed.`}
      close={close}
    >
      <div className="filters">
        <Field
          label="Calls a second"
          name="rate_per_s"
          type="number"
          step="any"
          min={0}
          value={rate_per_s === null ? '' : String(rate_per_s)}
          hint="Empty: no limit"
        />
        <Field
          label="Calls a day (UTC)"
          name="per_day"
          type="number"
          min={0}
          value={per_day === null ? '' : String(per_day)}
          hint="Empty: no limit"
        />
      </div>
    </ActDialog>
  );
}
