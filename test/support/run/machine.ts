import { availableParallelism, loadavg } from 'node:os';

/**
 * Whether more processes than usual want a processor: then a time in which something is promised to happen says more of
 * the machine than of us. The tests themselves keep each processor busy with one or two.
 */
export const isOverloaded = () => loadavg()[0]! / availableParallelism() > 2;
