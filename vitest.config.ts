import { defineConfig } from 'vitest/config';
import { patient } from './test/support/patience.js';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'sandbox/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Longer than any wait inside a test, so that the wait's own message is what one reads.
    testTimeout: patient(90_000),
    hookTimeout: patient(120_000),
    // The default of one second is a guess about the machine.
    expect: { poll: { timeout: patient(20_000) } },
    maxWorkers: 2,
  },
});
