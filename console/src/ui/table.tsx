import type { ReactNode } from 'react';

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the end, one below the other. */
  readonly end?: boolean;
  /** On a narrow screen, where each row is a card: without its name. */
  readonly bare?: boolean;
}

/** Rows under names. On a narrow screen each is a small card, so that nothing is cut off. */
export function Table<Row>(props: {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
}) {
  const { columns } = props;
  const classOf = ({ end, bare }: Column<Row>) => [end && 'end', bare && 'is-bare'].filter(Boolean).join(' ');
  return (
    <div className="table-box">
      <table className={`table is-cards ${props.rows.length > 100 ? 'is-long' : ''}`} aria-label={props.label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={column.end ? 'end' : undefined}>
                {column.bare && column.name === 'Actions' ? (
                  <span className="visually-hidden">Actions</span>
                ) : (
                  column.name
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} data-label={column.name} className={classOf(column)}>
                  <div>{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/**
 * The column of buttons that ask whether to remove what its row is about.
 *
 * @param nameOf what screen readers hear of a row.
 */
export const removeColumn = <Row,>(nameOf: (row: Row) => string, ask: (row: Row) => void): Column<Row> => ({
  name: 'Actions',
  bare: true,
  end: true,
  cell: (row) => (
    <button type="button" className="button is-small" aria-label={`Remove ${nameOf(row)}`} onClick={() => ask(row)}>
      Remove…
    </button>
  ),
});
