import { defineConfig } from 'vitest/config';
import { patient } from './test/support/patience.js';
import { type Kind, testFilesByKind } from './test/support/run/kinds.js';
import { LongestFirst } from './test/support/run/longest-first.js';

const files = testFilesByKind();
const project = (name: Kind) => ({
  test: {
    name,
    include: files[name],
    globalSetup: name === 'unit' ? [] : ['test/support/run/global-setup.ts'],
    // Longer than any wait inside a test, so that the wait's own message is what one reads.
    testTimeout: patient(90_000),
    hookTimeout: patient(120_000),
    // The default of one second is a guess about the machine.
    expect: { poll: { timeout: patient(20_000) } },
  },
});

export default defineConfig({
  test: {
    projects: [project('unit'), project('integration'), project('system'), project('waiting')],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // A test that fails once has a fault, or its product has: it is mended, never repeated.
    retry: 0,
  },
});
