interface SparkProps {
  readonly values: readonly number[];
  /** What a screen reader says. */
  readonly label: string;
  /** What it is of, for those who see it. */
  readonly caption?: string;
}

/** Drawn as high as so much at least: one e-mail that waits is no mountain. */
const LEAST = 5;

/** The course of one number, without axes: whether it rises. Its highest value stands beside the caption. */
export function Spark({ values, label, caption }: SparkProps) {
  const most = Math.max(LEAST, ...values);
  const width = Math.max(1, values.length - 1);
  const points = values.map((value, index) => `${index},${(1 - value / most) * 30 + 1}`);
  const highest = Math.max(0, ...values);
  const drawn = (
    <svg
      className="spark"
      viewBox={`0 0 ${width} 32`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}; at most ${highest}`}
    >
      {points.length > 1 && (
        <>
          <path d={`M0,32 L${points.join(' L')} L${width},32 Z`} />
          <polyline points={points.join(' ')} />
        </>
      )}
    </svg>
  );
  if (!caption) return drawn;
  return (
    <div>
      {drawn}
      <div className="spark-caption" aria-hidden="true">
        <span>{caption}</span>
        <span>at most {highest.toLocaleString('en')}</span>
      </div>
    </div>
  );
}
