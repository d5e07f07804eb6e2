import { call } from '../../api/call.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { any, Check, Choice, Field } from '../../ui/field.js';
import { PRIORITIES } from '../../ui/priorities.js';

/** Holds mail by what it has in common. */
export function HoldDialog({ close }: { readonly close: () => void }) {
  return (
    <ActDialog
      title="Hold mail"
      touches="Such mail is accepted and waits; what is on its way is stopped unless its call has begun. Nothing is lost, and releasing the hold undoes it."
      verb="Hold"
      asksWhy
      act={(form) =>
        call('holdMail', {
          body: {
            receiver_domain: textOf(form, 'receiver_domain'),
            sender_domain: textOf(form, 'sender_domain'),
            tag: textOf(form, 'tag'),
            client: textOf(form, 'client'),
            priority: PRIORITIES.find((priority) => priority === form.get('priority')),
            reject: form.get('reject') === 'on',
            reason: textOf(form, 'reason')!,
          },
        })
      }
      done="Held."
      close={close}
    >
      <p className="soft small">Whatever you fill in has to be so, all of it; at least one besides the priority.</p>
      <div className="filters">
        <Field label="To the domain" name="receiver_domain" />
        <Field label="From the domain" name="sender_domain" />
        <Field label="With the tag" name="tag" />
        <Field label="Of the client (its id)" name="client" />
        <Choice label="Of the priority" name="priority" options={any(PRIORITIES)} />
      </div>
      <Check label="Refuse such submissions from now on, instead of accepting them" name="reject" />
    </ActDialog>
  );
}
