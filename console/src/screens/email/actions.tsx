import { useState } from 'react';
import { useLocation } from 'wouter';
import type { Email } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay, useSession } from '../../api/session.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Choice, Field } from '../../ui/field.js';
import { type EmailAct, legalActs } from './legal.js';

const NAMES: Readonly<Record<EmailAct, string>> = {
  retryEmailNow: 'Try now…',
  retryEmail: 'Retry…',
  rescheduleEmail: 'Reschedule…',
  cancelEmail: 'Cancel…',
  resendEmail: 'Send again…',
};

export const PROVIDERS = ['mailgun', 'mandrill', 'smtp'] as const;
export const providerIn = (form: FormData, name: string) => PROVIDERS.find((provider) => provider === form.get(name));
export const providerOptions = (any: string) =>
  [['', any], ...PROVIDERS.map((provider) => [provider, provider] as const)] as [string, string][];

/** What can be done now, by whoever is signed in. */
export function Actions({ email }: { readonly email: Email }) {
  const may = useMay();
  const [chosen, choose] = useState<EmailAct>();
  const close = () => choose(undefined);
  return (
    <>
      {legalActs(email)
        .filter((act) => may(act))
        .map((act) => (
          <button key={act} type="button" className="button" onClick={() => choose(act)}>
            {NAMES[act]}
          </button>
        ))}
      {chosen === 'cancelEmail' && <CancelDialog email={email} close={close} />}
      {chosen === 'retryEmailNow' && <RetryNowDialog email={email} close={close} />}
      {chosen === 'retryEmail' && <RetryDialog email={email} close={close} />}
      {chosen === 'rescheduleEmail' && <RescheduleDialog email={email} close={close} />}
      {chosen === 'resendEmail' && <ResendDialog email={email} close={close} />}
    </>
  );
}

interface DialogProps {
  readonly email: Email;
  readonly close: () => void;
}

const CancelDialog = ({ email: { id, receiver }, close }: DialogProps) => (
  <ActDialog
    title="Cancel this e-mail"
    touches={`It will not be sent to ${receiver}. This cannot be undone; its content can be sent again as a new e-mail.`}
    verb="Cancel the e-mail"
    danger
    act={() => call('cancelEmail', { params: { id } })}
    done="Cancelled: it is not sent."
    close={close}
  />
);

const RetryNowDialog = ({ email: { id }, close }: DialogProps) => (
  <ActDialog
    title="Try now"
    touches="Its back-off ends, and the next try is made at once. Without Temporal it comes when it would have come."
    verb="Try now"
    act={() => call('retryEmailNow', { params: { id } })}
    done="Its workflow is being told."
    close={close}
  />
);

function RetryDialog({ email: { id, receiver }, close }: DialogProps) {
  const { role } = useSession();
  return (
    <ActDialog
      title="Retry this e-mail"
      touches="It is queued anew, with a lifetime and a deadline from now; its history stays. Once a provider has it, that cannot be undone."
      verb="Retry"
      act={(form) =>
        call('retryEmail', {
          params: { id },
          body: { receiver: textOf(form, 'receiver'), provider: providerIn(form, 'provider') },
        })
      }
      done="It is queued again."
      close={close}
    >
      <Field label="To another address" name="receiver" hint={`Left empty: to ${receiver}, as before.`} />
      {role && <Choice label="Through" name="provider" options={providerOptions('any provider')} />}
    </ActDialog>
  );
}

const RescheduleDialog = ({ email: { id }, close }: DialogProps) => (
  <ActDialog
    title="Reschedule this e-mail"
    touches="It will be sent at another time, and its deadline moves with it. It can be rescheduled again until its time comes."
    verb="Reschedule"
    act={(form) => {
      const at = new Date(String(form.get('at')));
      return call('rescheduleEmail', { params: { id }, body: { send_at: at.toISOString() } });
    }}
    done="It has another time."
    close={close}
  >
    <Field label="At (your time)" name="at" type="datetime-local" required />
  </ActDialog>
);

function ResendDialog({ email: { id, receiver }, close }: DialogProps) {
  const [, go] = useLocation();
  // Of this dialog: a second press after trouble makes no second e-mail.
  const [key] = useState(() => crypto.randomUUID());
  return (
    <ActDialog
      title="Send it again, as a new e-mail"
      touches={`${receiver} gets the same content once more, in a new e-mail that names this one. That cannot be undone.`}
      verb="Send again"
      act={async () => {
        const made = await call('resendEmail', { params: { id }, headers: { 'Idempotency-Key': key } });
        go(`/emails/${made.id}`);
      }}
      done="A new e-mail is queued: this is it."
      close={close}
    />
  );
}
