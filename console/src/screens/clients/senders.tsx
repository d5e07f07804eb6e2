import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Client } from '../../../../client/generated/schemas.js';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';
import { Card } from '../../ui/card.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Field } from '../../ui/field.js';
import { Answer, Empty } from '../../ui/states.js';
import { type Column, removeColumn, Table } from '../../ui/table.js';
import { Time } from '../../ui/time.js';

/** How a sender is told: `*` is anybody. */
const wordsFor = (sender: string) => (sender === '*' ? 'anybody' : sender);

interface Sender {
  readonly sender: string;
  readonly created_at: string | null;
}

const COLUMNS: readonly Column<Sender>[] = [
  { name: 'Sender', cell: ({ sender }) => <span className="strong">{wordsFor(sender)}</span> },
  {
    name: 'Since',
    cell: ({ created_at }) => (created_at ? <Time at={created_at} /> : <span className="soft">–</span>),
  },
];

/** As whom a client may send. */
export function Senders({ client }: { readonly client: Client }) {
  const may = useMay();
  const [dialog, setDialog] = useState<'add' | Sender>();
  const query = useQuery({
    queryKey: ['clients', client.id, 'senders'],
    queryFn: ({ signal }) => call('listSenders', { params: { id: client.id } }, signal),
  });
  const removing = removeColumn<Sender>(({ sender }) => wordsFor(sender), setDialog);
  const close = () => setDialog(undefined);
  return (
    <Card
      title="May send as"
      aside={
        may('addSender') && (
          <button type="button" className="button is-small" onClick={() => setDialog('add')}>
            Allow a sender…
          </button>
        )
      }
    >
      <Answer of={query}>
        {({ senders }) =>
          senders.length === 0 ? (
            <Empty title="Nobody: what it submits is refused." />
          ) : (
            <Table
              label="Senders"
              columns={may('removeSender') ? [...COLUMNS, removing] : COLUMNS}
              rows={senders}
              keyOf={({ sender }) => sender}
            />
          )
        }
      </Answer>
      {dialog === 'add' && <AddDialog client={client} close={close} />}
      {dialog && dialog !== 'add' && (
        <ActDialog
          title={`Take ${wordsFor(dialog.sender)} from ${client.name}`}
          touches="What it submits as this sender is refused from now on, unless another entry allows it. What was accepted is sent all the same. Allowing it again undoes that."
          verb="Remove"
          danger
          act={() => call('removeSender', { params: { id: client.id, sender: dialog.sender } })}
          done="It may not send as this one any more."
          close={close}
        />
      )}
    </Card>
  );
}

const AddDialog = ({ client, close }: { readonly client: Client; readonly close: () => void }) => (
  <ActDialog
    title={`Allow ${client.name} a sender`}
    touches="It may send as this one from its next submission on. Removing it from the list undoes that."
    verb="Allow"
    act={(form) => call('addSender', { params: { id: client.id }, body: { sender: textOf(form, 'sender') ?? '' } })}
    done="It may send as this one."
    close={close}
  >
    <Field
      label="Address or domain"
      name="sender"
      required
      hint="orders@example.com; example.com: every address of the domain; *.example.com: of those below it; *: anybody."
    />
  </ActDialog>
);
