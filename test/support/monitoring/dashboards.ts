import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../deploy/grafana/dashboards', import.meta.url));

/** What these tests look at of Grafana's dashboard model. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

/** By the name of their file, without its end. */
export const dashboards: ReadonlyMap<string, Dashboard> = new Map(
  readdirSync(FOLDER).map((name) => [
    name.replace(/\.json$/, ''),
    JSON.parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as Dashboard,
  ]),
);

/** Panels that ask something. */
export const panelsOf = ({ panels }: Dashboard) => panels.filter(({ targets }) => targets !== undefined);

/** Every expression of a dashboard, those of its variables included, as they stand in the file. */
export const expressionsOf = (dashboard: Dashboard): string[] => [
  ...panelsOf(dashboard).flatMap(({ targets }) => targets!.map(({ expr }) => expr)),
  ...dashboard.templating.list.flatMap(({ type, query }) =>
    type === 'query' && typeof query === 'object' ? query.query : [],
  ),
];

/** An expression as Grafana would send it. @param values of the dashboard's variables. */
export const filledIn = (expression: string, values: Readonly<Record<string, string>>) =>
  Object.entries({ __rate_interval: '5m', ...values }).reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value),
    expression,
  );
