const HOUR_MS = 3_600_000;

/** How far back charts of samples reach; they are kept for three days. */
export const PERIODS = {
  '1h': { name: '1 hour', ms: HOUR_MS },
  '6h': { name: '6 hours', ms: 6 * HOUR_MS },
  '1d': { name: '1 day', ms: 24 * HOUR_MS },
  '3d': { name: '3 days', ms: 72 * HOUR_MS },
} as const;

export type Period = keyof typeof PERIODS;

export function Periods({ value, change }: { readonly value: Period; readonly change: (period: Period) => void }) {
  return (
    <>
      {Object.entries(PERIODS).map(([period, { name }]) => (
        <button
          key={period}
          type="button"
          className="button is-small"
          aria-pressed={period === value}
          onClick={() => change(period as Period)}
        >
          {name}
        </button>
      ))}
    </>
  );
}
