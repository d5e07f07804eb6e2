import type { ReactNode } from 'react';

const whole = new Intl.NumberFormat('en');

/** 12,345: one way of writing numbers, whatever the browser's language, as all else here is English. */
export const count = (value: number): string => whole.format(value);

/** How many of a hundred; two digits behind the point when that says more, and never 100 when one was missed. */
export function percent(part: number, all: number): string {
  if (all === 0) return '–';
  const value = (part / all) * 100;
  if (part < all && value > 99.99) return '99.99 %';
  return `${value.toFixed(value === 100 ? 0 : value > 99 ? 2 : 1)} %`;
}

/** `1 e-mail`, `2 e-mails`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** A few numbers with their names, in columns that do not move when they change. */
export function Numbers({
  of,
}: {
  readonly of: readonly (readonly [name: ReactNode, value: ReactNode, tone?: string])[];
}) {
  return (
    <dl className="numbers">
      {of.map(([name, value, tone], index) => (
        <div className="number" key={typeof name === 'string' ? name : index}>
          <dt>{name}</dt>
          <dd className={tone}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
