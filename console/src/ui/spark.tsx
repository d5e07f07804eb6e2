/** The course of one number, without axes: whether it rises. @param label what a screen reader says. */
export function Spark({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const most = Math.max(1, ...values);
  const width = Math.max(1, values.length - 1);
  const points = values.map((value, index) => `${index},${(1 - value / most) * 30 + 1}`);
  const highest = Math.max(0, ...values);
  return (
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
}
