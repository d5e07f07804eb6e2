import { useState } from 'react';
import type { ApiKey, Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Check, Choice, Field } from '../../ui/field.js';

const ROLES = ['viewer', 'operator', 'admin'] as const;

const SCOPES = [
  ['send', 'send: submit, cancel and retry its e-mails'],
  ['read', 'read: find its e-mails, and how they stand'],
  ['content', 'content: read what its e-mails say'],
  ['suppressions', 'suppressions: whom it must not write to'],
  ['admin', 'admin: its own keys'],
] as const;
/** What a key may that is made without naming anything. */
const USUAL: readonly string[] = ['send', 'read', 'suppressions'];

interface KeyDialogProps {
  readonly client: Client;
  readonly close: () => void;
}

/** Several in one field, as people write them. */
const listIn = (form: FormData, name: string) => (textOf(form, name) ?? '').split(/[\s,]+/).filter(Boolean);

export function NewKeyDialog({ client, tell, close }: KeyDialogProps & { readonly tell: (key: string) => void }) {
  const [role, setRole] = useState('');
  const isOperators = role !== '';
  return (
    <ActDialog
      title={`A new key for ${client.name}`}
      touches={
        isOperators
          ? 'It concerns the e-mails of every client. It is shown once, here, and kept as a hash. It can be revoked at any time.'
          : 'It concerns this client’s e-mails alone. It is shown once, here, and kept as a hash. It can be revoked at any time.'
      }
      verb="Make it"
      act={async (form) => {
        const until = textOf(form, 'until');
        const { key } = await call('createKey', {
          params: { id: client.id },
          body: {
            name: textOf(form, 'name'),
            role: ROLES.find((each) => each === role),
            scopes: isOperators ? undefined : SCOPES.map(([scope]) => scope).filter((scope) => form.has(scope)),
            allowed_addresses: listIn(form, 'from'),
            expires_at: until && new Date(until).toISOString(),
          },
        });
        tell(key);
      }}
      done="The key is made."
      close={close}
    >
      <Choice
        label="Kind"
        name="role"
        value={role}
        onChange={setRole}
        options={[['', 'the client’s, with scopes'], ...ROLES.map((each) => [each, `an operator’s: ${each}`] as const)]}
      />
      <Field
        key={role === '' ? 'client' : 'operator'}
        label="Whose it is, or what for"
        name="name"
        required={isOperators}
        hint="The audit and lists show it."
      />
      {!isOperators && (
        <fieldset className="field">
          <legend>It may</legend>
          {SCOPES.map(([scope, words]) => (
            <Check key={scope} label={words} name={scope} checked={USUAL.includes(scope)} />
          ))}
        </fieldset>
      )}
      <Field label="Until" name="until" type="datetime-local" hint="Empty: until it is revoked." />
      <Field label="Taken from" name="from" hint="IP addresses or blocks such as 10.0.0.0/8; empty: from everywhere." />
    </ActDialog>
  );
}

interface OfKey extends KeyDialogProps {
  readonly of: ApiKey;
}

export function RotateDialog({ client, of, tell, close }: OfKey & { readonly tell: (key: string) => void }) {
  return (
    <ActDialog
      title={`Rotate the key ${of.prefix}…`}
      touches="A new key that may the same is made and shown once. The old one is taken for as long as you say, so that nobody who uses it is refused meanwhile. Then it ends, and that cannot be undone."
      verb="Rotate"
      act={async (form) => {
        const { key } = await call('rotateKey', {
          params: { id: client.id, key: of.id },
          body: { overlap_hours: Number(textOf(form, 'hours')) },
        });
        tell(key);
      }}
      done="The key is rotated."
      close={close}
    >
      <Field label="Hours for which both are taken" name="hours" type="number" min={0} step="any" value="24" required />
    </ActDialog>
  );
}

export function RevokeDialog({ client, of, close }: OfKey) {
  const { person, prefix, name } = of;
  return (
    <ActDialog
      title={person ? `Sign ${name} out` : `Revoke the key ${prefix}…`}
      touches={
        person
          ? `Their browsers are signed out at once. They can sign in again as long as ${person.issuer} gives them a role: take it there first.`
          : 'It is taken no more, from its next request on, and browsers that are signed in by it are signed out. That cannot be undone.'
      }
      verb={person ? 'Sign out' : 'Revoke'}
      danger
      act={() => call('revokeKey', { params: { id: client.id, key: of.id } })}
      done={person ? 'Signed out.' : 'Revoked.'}
      close={close}
    />
  );
}
