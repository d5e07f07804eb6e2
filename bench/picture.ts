import { PRIORITIES, type Priority } from '../src/priority.js';
import type { HandOver } from './slo.js';

const WIDTH = 960;
const HEIGHT = 420;
const LEFT = 70;
const RIGHT = 20;
const TOP = 50;
const BOTTOM = 45;
/** Hand-over times shown, in milliseconds, on a logarithmic axis. */
const LOWEST_MS = 10;
const HIGHEST_MS = 3_600_000;
/** Distinguishable also by readers who see colours differently. */
const COLOURS: Readonly<Record<Priority, string>> = { critical: '#c1272d', medium: '#0000a7', low: '#b7a33c' };
const GRID: readonly (readonly [ms: number, label: string])[] = [
  [10, '10 ms'],
  [100, '0.1 s'],
  [1_000, '1 s'],
  [15_000, '15 s'],
  [60_000, '1 min'],
  [900_000, '15 min'],
  [3_600_000, '1 h'],
];
/** More dots than this only make the file larger; critical is always shown whole. */
const MOST_DOTS = 2_500;

/** Hand-over times over the time of acceptance, as an SVG picture. */
export function handOverPicture(handOvers: readonly HandOver[], title: string): string {
  const lastMs = Math.max(60_000, ...handOvers.map((each) => each.atMs));
  const x = (atMs: number) => LEFT + (atMs / lastMs) * (WIDTH - LEFT - RIGHT);
  const y = (ms: number) => {
    const share =
      Math.log(Math.min(Math.max(ms, LOWEST_MS), HIGHEST_MS) / LOWEST_MS) / Math.log(HIGHEST_MS / LOWEST_MS);
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  };
  const text = (at: { x: number; y: number }, content: string, rest = '') =>
    `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" ${rest}>${content}</text>`;
  const grid = GRID.map(
    ([ms, label]) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ms).toFixed(1)}" y2="${y(ms).toFixed(1)}" stroke="#ddd"/>` +
      text({ x: LEFT - 8, y: y(ms) + 4 }, label, 'text-anchor="end"'),
  );
  const everyMin = Math.max(1, Math.ceil(lastMs / 60_000 / 10));
  const minutes = Array.from({ length: Math.floor(lastMs / 60_000 / everyMin) + 1 }, (_, n) => n * everyMin);
  const axis = minutes.map((minute) =>
    text({ x: x(minute * 60_000), y: HEIGHT - BOTTOM + 18 }, `${minute} min`, 'text-anchor="middle"'),
  );
  // Low first, so that critical lies on top.
  const dots = [...PRIORITIES].reverse().map((priority) => {
    const all = handOvers.filter((each) => each.priority === priority);
    const every = priority === 'critical' ? 1 : Math.max(1, Math.ceil(all.length / MOST_DOTS));
    const shown = all.filter((_, index) => index % every === 0);
    const radius = priority === 'critical' ? 3 : 1.6;
    const path = shown.map((each) => `M${x(each.atMs).toFixed(1)} ${y(each.handOverMs).toFixed(1)}h0`).join('');
    return `<path d="${path}" stroke="${COLOURS[priority]}" stroke-width="${radius * 2}" stroke-linecap="round" fill="none" opacity="${priority === 'critical' ? 1 : 0.6}"/>`;
  });
  const legend = PRIORITIES.map((priority, index) => {
    const at = WIDTH - RIGHT - 240 + index * 85;
    return `<circle cx="${at}" cy="${TOP - 20}" r="4" fill="${COLOURS[priority]}"/>${text({ x: at + 9, y: TOP - 16 }, priority)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<title>${title}</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text({ x: LEFT, y: TOP - 16 }, title, 'font-size="14"'),
    ...grid,
    ...axis,
    text({ x: (WIDTH + LEFT) / 2, y: HEIGHT - 8 }, 'time of acceptance', 'text-anchor="middle"'),
    ...dots,
    ...legend,
    '</svg>\n',
  ].join('\n');
}
