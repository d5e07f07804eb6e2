/**
 * How many times longer than on an idle machine everything may take in the tests. A wait ends as soon as what it awaits
 * is there, so a large factor costs only a test that fails. The limits come from two idle cores; four times that held
 * with eight busy loops beside the tests.
 */
const FACTOR = Number(process.env.TEST_PATIENCE || 4);

/** A time limit of the tests, for an idle machine, as long as it is on this one. In milliseconds. */
export const patient = (ms: number) => ms * FACTOR;
