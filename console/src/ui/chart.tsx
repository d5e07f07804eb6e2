import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clockOf, dayOf } from './time.js';

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
  /** Where the axis begins; left out: at 0. */
  readonly lowest?: number;
  /** The axis reaches at least so far: small numbers are not drawn large. */
  readonly least?: number;
}

const HEIGHT = 180;
/** Between two times on the axis: whole minutes at least, as minutes are what is written there. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 7_200, 14_400].map((step) => step * 60);
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

function optionsOf(
  { lines, format = String, highest, lowest = 0, least = 4 }: ChartProps,
  width: number,
): uPlot.Options {
  const axis = {
    stroke: colourOf('soft'),
    grid: { stroke: colourOf('line'), width: 1 },
    ticks: { show: false },
    font: `11px ${colourOf('sans')}`,
  };
  return {
    width: Math.max(width, 50),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      // A single moment is a place in an hour, not in years.
      x: { range: ({ data: [at] }, min, max) => (at!.length === 1 ? [at![0]! - 1_800, at![0]! + 1_800] : [min, max]) },
      y: { range: (_, _min, max) => [lowest, highest ?? Math.max(least, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 28, incrs: STEPS_S, space: 64, values: (_, splits) => splits.map((at) => timeOf(at, splits)) },
      { ...axis, size: 56, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: colourOf(colour),
        width: 1.6,
        points: { show: ({ data: [at] }: uPlot) => at!.length < 3 },
      })),
    ],
  };
}

/** Hours and minutes, or days when the axis covers several of them. */
function timeOf(at: number, splits: readonly number[]): string {
  const isLong = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > 2 * 86_400;
  return isLong ? dayOf(at * 1_000) : clockOf(at * 1_000);
}
