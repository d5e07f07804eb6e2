import { useState } from 'react';
import type { Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Field } from '../../ui/field.js';
import { plural } from '../../ui/numbers.js';

interface KeptProps {
  readonly client: Client;
}

const keptFor = (days: number | null, own: number | null) =>
  `${days === null ? 'for good' : `for ${plural(days, 'day')}`}${own === null ? ', as configured' : ''}`;

/** For how long a client's mail is kept, and where that is changed. */
export function Kept({ client }: KeptProps) {
  const may = useMay();
  const [isChanging, setChanging] = useState(false);
  const { content_days, record_days, kept_content_days, kept_record_days } = client.retention;
  return (
    <Card
      title="How long its mail is kept"
      aside={
        may('changeClient') && (
          <button type="button" className="button is-small" onClick={() => setChanging(true)}>
            Change the periods…
          </button>
        )
      }
    >
      <dl className="facts">
        <dt>Contents</dt>
        <dd>{keptFor(kept_content_days, content_days)}</dd>
        <dt>Records</dt>
        <dd>{keptFor(kept_record_days, record_days)}</dd>
      </dl>
      {isChanging && <KeptDialog client={client} close={() => setChanging(false)} />}
    </Card>
  );
}

/** A number of days in a form; null: as configured. */
const daysIn = (form: FormData, name: string) => {
  const text = textOf(form, name);
  return text === undefined ? null : Number(text);
};

function KeptDialog({ client, close }: KeptProps & { readonly close: () => void }) {
  const { content_days, record_days } = client.retention;
  return (
    <ActDialog
      title={`How long mail of ${client.name} is kept`}
      touches="Counted from when an e-mail was due, also for mail that is there already: with a shorter period what is older is removed by the next run of retention, and that cannot be undone. A longer one brings nothing back."
      verb="Change"
      danger
      act={(form) =>
        call('changeClient', {
          params: { id: client.id },
          body: {
            retention: { content_days: daysIn(form, 'content'), record_days: daysIn(form, 'record') },
          },
        })
      }
      done="The periods are changed."
      close={close}
    >
      <Days label="Contents and attachments, days" name="content" value={content_days} />
      <Days label="All that is known of an e-mail, days" name="record" value={record_days} />
    </ActDialog>
  );
}

const Days = ({
  label,
  name,
  value,
}: {
  readonly label: string;
  readonly name: string;
  readonly value: number | null;
}) => (
  <Field
    {...{ label, name }}
    type="number"
    min={0}
    step="1"
    value={value?.toString()}
    hint="Empty: as configured. 0: for good."
  />
);
