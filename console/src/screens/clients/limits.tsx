import { useState } from 'react';
import type { Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Check, Field } from '../../ui/field.js';
import { count } from '../../ui/numbers.js';
import { PRIORITIES } from '../../ui/priorities.js';

interface ClientProps {
  readonly client: Client;
}

/** What a client has submitted today, of what it may. */
export function Limits({ client }: ClientProps) {
  const may = useMay();
  const [isChanging, setChanging] = useState(false);
  return (
    <Card
      title="Submitted today (UTC)"
      aside={
        may('changeClient') && (
          <button type="button" className="button is-small" onClick={() => setChanging(true)}>
            Change the limits…
          </button>
        )
      }
    >
      <dl className="facts">
        {PRIORITIES.map((priority) => (
          <div className="fact-row" key={priority}>
            <dt>{priority}</dt>
            <dd>
              {count(client.submitted_today[priority])} of {count(client.daily_limits[priority])}
            </dd>
          </div>
        ))}
      </dl>
      {isChanging && <LimitsDialog client={client} close={() => setChanging(false)} />}
    </Card>
  );
}

type Rate = Client['rate_limits']['send'];

const rateOf = (rate: Rate) => (rate ? `${rate.rate} a second, ${rate.burst} at once` : 'no limit');

/** What else there is to know of a client, and to set. */
export function Facts({ client }: ClientProps) {
  const may = useMay();
  const [isChanging, setChanging] = useState(false);
  return (
    <Card
      title="About it"
      aside={
        may('changeClient') && (
          <button type="button" className="button is-small" onClick={() => setChanging(true)}>
            Change the settings…
          </button>
        )
      }
    >
      <dl className="facts">
        <dt>Id</dt>
        <dd className="mono">{client.id}</dd>
        <dt>Submissions</dt>
        <dd>{rateOf(client.rate_limits.send)}</dd>
        <dt>Other requests</dt>
        <dd>{rateOf(client.rate_limits.read)}</dd>
        <dt>Failures</dt>
        <dd>{client.failure_notices ? 'are told to its senders' : 'are told to nobody'}</dd>
        <dt>Opens</dt>
        <dd>{client.track_opens ? 'are counted' : 'are not counted'}</dd>
      </dl>
      {isChanging && <SettingsDialog client={client} close={() => setChanging(false)} />}
    </Card>
  );
}

interface DialogProps extends ClientProps {
  readonly close: () => void;
}

const numberOf = (form: FormData, name: string) => {
  const text = textOf(form, name);
  return text === undefined ? undefined : Number(text);
};

/** Empty: no limit. */
function rateIn(form: FormData, name: string) {
  const rate = numberOf(form, `${name}-rate`);
  return rate === undefined ? null : { rate, burst: numberOf(form, `${name}-burst`) };
}

function LimitsDialog({ client, close }: DialogProps) {
  const { id, daily_limits, rate_limits } = client;
  return (
    <ActDialog
      title={`Limits of ${client.name}`}
      touches="They hold from the next submission on, also for what was submitted today. What was accepted is sent all the same. The values before are in the audit."
      verb="Change"
      act={(form) =>
        call('changeClient', {
          params: { id },
          body: {
            daily_limits: Object.fromEntries(PRIORITIES.map((priority) => [priority, numberOf(form, priority)])),
            rate_limits: { send: rateIn(form, 'send'), read: rateIn(form, 'read') },
          },
        })
      }
      done="The limits are changed."
      close={close}
    >
      <div className="field-row">
        {PRIORITIES.map((priority) => (
          <Field
            key={priority}
            label={`A day, ${priority}`}
            name={priority}
            type="number"
            min={0}
            step="1"
            value={String(daily_limits[priority])}
            required
          />
        ))}
      </div>
      {(['send', 'read'] as const).map((kind) => (
        <div className="field-row" key={kind}>
          <Field
            label={kind === 'send' ? 'Submissions a second' : 'Other requests a second'}
            name={`${kind}-rate`}
            type="number"
            min={0.01}
            step="any"
            value={rate_limits[kind]?.rate.toString()}
            hint="Empty: no limit."
          />
          <Field
            label={kind === 'send' ? 'Submissions at once' : 'Other requests at once'}
            name={`${kind}-burst`}
            type="number"
            min={1}
            step="1"
            value={rate_limits[kind]?.burst.toString()}
          />
        </div>
      ))}
    </ActDialog>
  );
}

const SettingsDialog = ({ client, close }: DialogProps) => (
  <ActDialog
    title={`Settings of ${client.name}`}
    touches="They hold for what is submitted from now on. Setting them back undoes that."
    verb="Change"
    act={(form) =>
      call('changeClient', {
        params: { id: client.id },
        body: { failure_notices: form.has('notices'), track_opens: form.has('opens') },
      })
    }
    done="The settings are changed."
    close={close}
  >
    <Check label="Tell its senders by e-mail what has finally failed" name="notices" checked={client.failure_notices} />
    <Check label="Count opens, where an e-mail does not say" name="opens" checked={client.track_opens} />
  </ActDialog>
);
