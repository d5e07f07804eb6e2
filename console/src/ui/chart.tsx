import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  readonly name: string;
  /** A colour of the design, by the name of its variable. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly label: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** How a value is written on the axis. */
  readonly format?: (value: number) => string;
  readonly highest?: number;
  /** The axis reaches at least so far: small numbers are not drawn large. */
  readonly least?: number;
}

const HEIGHT = 190;
const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Some numbers over time. What it shows at its end stands in the legend, so that it can be read without seeing it. */
export function Chart(props: ChartProps) {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  // One plot for as long as the screen shows it; what is new is drawn into it.
  useEffect(() => {
    const box = ref.current!;
    let plot: uPlot | undefined;
    let lines = '';
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(optionsOf(latest.current, box.clientWidth), dataOf(latest.current), box);
    };
    const update = () => {
      const names = latest.current.lines.map(({ name }) => name).join();
      if (!plot || names !== lines) draw();
      else plot.setData(dataOf(latest.current));
      lines = names;
    };
    update();
    const observer = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: HEIGHT }));
    observer.observe(box);
    window.addEventListener('tempost:theme', draw);
    box.addEventListener('tempost:data', update);
    return () => {
      observer.disconnect();
      window.removeEventListener('tempost:theme', draw);
      box.removeEventListener('tempost:data', update);
      plot?.destroy();
    };
  }, []);
  useEffect(() => {
    ref.current?.dispatchEvent(new Event('tempost:data'));
  });
  const { format = String } = props;
  return (
    <figure>
      <div ref={ref} className="chart" role="img" aria-label={props.label} />
      <figcaption className="legend">
        {props.lines.map(({ name, colour, values }) => (
          <span key={name}>
            <i style={{ background: `var(--${colour})` }} />
            {name}: {lastOf(values, format)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function lastOf(values: readonly (number | null)[], format: (value: number) => string): string {
  const last = values.at(-1);
  return last === null || last === undefined ? '–' : format(last);
}

const dataOf = ({ times, lines }: ChartProps) =>
  [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;

function optionsOf({ lines, format = String, highest, least = 4, times }: ChartProps, width: number): uPlot.Options {
  const axis = {
    stroke: colourOf('soft'),
    grid: { stroke: colourOf('line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: Math.max(width, 50),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      // A single moment is a place in an hour, not in years.
      x: { range: (_, min, max) => (min === max ? [min - 1_800, max + 1_800] : [min, max]) },
      y: { range: (_, _min, max) => [0, highest ?? Math.max(least, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, values: (_, splits) => splits.map((at) => timeOf(at, splits)) },
      { ...axis, size: 56, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: colourOf(colour),
        width: 1.6,
        points: { show: times.length < 3 },
      })),
    ],
  };
}

/** Hours and minutes, or days when the axis covers several of them. */
function timeOf(at: number, splits: readonly number[]): string {
  const isLong = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > 2 * 86_400;
  return isLong
    ? new Date(at * 1_000).toLocaleDateString(undefined, { month: 'short', day: 'numeric' })
    : new Date(at * 1_000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
}
