import { colour } from './log-view.js';

/** The stations of an e-mail that goes well. */
const STATIONS = ['queued', 'sent', 'delivered', 'opened'] as const;

/** An e-mail of the demo as the API shows it. */
export interface FollowedEmail {
  readonly label: string;
  readonly id: string;
  readonly status: string;
  readonly provider: string | null;
  readonly events: readonly { readonly type: string; readonly occurred_at: string }[];
}

/** When an e-mail first came to a station, in milliseconds after it was queued; undefined when it never did. */
export function offsetMs(email: FollowedEmail, station: string): number | undefined {
  const first = (type: string) =>
    Math.min(...email.events.filter((event) => event.type === type).map((event) => Date.parse(event.occurred_at)));
  const offset = first(station) - first('queued');
  return Number.isFinite(offset) ? offset : undefined;
}

/** One e-mail's way so far: `critical  queued → sent → delivered`. */
function progressLine(email: FollowedEmail, colours: boolean): string {
  const passed = STATIONS.filter((station) => offsetMs(email, station) !== undefined);
  const way = passed.join(' → ');
  const other = (STATIONS as readonly string[]).includes(email.status) ? '' : ` (${email.status})`;
  const done = passed.length === STATIONS.length;
  return `  ${email.label.padEnd(24)}${done ? colour('cyan', way, colours) : way}${other}`;
}

/** Shows progress: on a terminal in place, elsewhere a line for every step. */
export class ProgressView {
  readonly #out: NodeJS.WriteStream;
  #shown = new Map<string, string>();

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  update(emails: readonly FollowedEmail[]): void {
    const lines = new Map(emails.map((email) => [email.id, progressLine(email, this.#out.isTTY === true)]));
    const changed = [...lines].filter(([id, line]) => this.#shown.get(id) !== line);
    if (changed.length === 0) return;
    if (this.#out.isTTY) {
      if (this.#shown.size > 0) this.#out.write(`\u001b[${this.#shown.size}A`); // Up to the first line again.
      for (const line of lines.values()) this.#out.write(`\u001b[2K${line}\n`);
    } else {
      for (const [, line] of changed) this.#out.write(`${line}\n`);
    }
    this.#shown = lines;
  }
}

/** The timeline table: a row for each e-mail, milliseconds since it was queued. */
export function timeline(emails: readonly FollowedEmail[]): string {
  const header = ['e-mail', ...STATIONS, 'provider', 'id'];
  const rows = emails.map((email) => [
    email.label,
    ...STATIONS.map((station) => {
      const offset = offsetMs(email, station);
      return offset === undefined ? '–' : `${offset} ms`;
    }),
    email.provider ?? '–',
    email.id,
  ]);
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const isNumber = (column: number) => column >= 1 && column <= STATIONS.length;
  const render = (row: readonly string[]) =>
    `  ${row.map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ')}`.trimEnd();
  const rule = `  ${widths.map((width) => '─'.repeat(width)).join('  ')}`;
  return [render(header), rule, ...rows.map(render)].join('\n');
}
