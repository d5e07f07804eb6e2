// A reporter of Vitest's: writes the full names of the tests that ran more than once because they had failed to the
// file that REPEATED_TESTS_FILE names, as JSON. Vitest's own report in JSON does not tell.
import { writeFileSync } from 'node:fs';

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter by it.
export default class RepeatsReporter {
  /** @type {string[]} */
  #repeated = [];

  /** @param {import('vitest/node').TestCase} test */
  onTestCaseResult(test) {
    if ((test.diagnostic()?.retryCount ?? 0) > 0)
      this.#repeated.push(`${test.module.relativeModuleId}: ${test.fullName}`);
  }

  onTestRunEnd() {
    const file = process.env.REPEATED_TESTS_FILE;
    if (file) writeFileSync(file, JSON.stringify(this.#repeated));
  }
}
