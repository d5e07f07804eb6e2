import { availableParallelism, loadavg } from 'node:os';

/**
 * Whether more processes than usual want a processor: then a time in which something is promised to happen says more of
 * the machine than of us. The tests themselves keep each processor busy with one or two.
 */
const isOverloaded = () => loadavg()[0]! / availableParallelism() > 2;

/**
 * Asserts what is promised of a machine that has a processor for us. Elsewhere the test's output says that it was not
 * asserted, so that nobody takes a green test for more than it is.
 */
export function assertWithRoom(promise: string, assert: () => void): void {
  if (!isOverloaded()) {
    assert();
    return;
  }
  const load = loadavg()[0]!.toFixed(0);
  process.stderr.write(`NOT ASSERTED at a load of ${load} on ${availableParallelism()} processors: ${promise}\n`);
}
