// A reporter of Vitest's, for what its own do not tell, or too late. Why a test failed is said at once: a whole run takes
// long, and one that is interrupted would take the reasons along. The full names of the tests that ran more than once
// because they had failed go to the file that REPEATED_TESTS_FILE names, as JSON.
import { writeFileSync } from 'node:fs';

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter by it.
export default class RunReporter {
  /** @type {string[]} */
  #repeated = [];

  /** @param {import('vitest/node').TestCase} test */
  onTestCaseResult(test) {
    const name = `${test.module.relativeModuleId}: ${test.fullName}`;
    if ((test.diagnostic()?.retryCount ?? 0) > 0) this.#repeated.push(name);
    const { state, errors } = test.result();
    if (state === 'failed') process.stderr.write(`FAILED  ${name}\n${errors.map(textOf).join('\n')}\n`);
  }

  onTestRunEnd() {
    const file = process.env.REPEATED_TESTS_FILE;
    if (file) writeFileSync(file, JSON.stringify(this.#repeated));
  }
}

/** @param {{ stack?: string, message: string, diff?: string }} error */
const textOf = (error) => [error.stack ?? error.message, error.diff].filter((part) => part).join('\n');
