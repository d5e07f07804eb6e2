import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than half a minute, the longest first: begun last, one of them would run on alone. */
const LONGEST = [
  'test/drills.test.ts',
  'test/prometheus.test.ts',
  'test/reset.test.ts',
  'test/console.test.ts',
  'test/kill-points.test.ts',
  'test/fleets.test.ts',
  'test/bench.test.ts',
  'test/jobs.test.ts',
  'test/waiting.test.ts',
  'test/no-provider.test.ts',
  'test/look-ups.test.ts',
  'test/crash.test.ts',
];

/** The order of a run's files. Vitest knows how long they took only where they ran before, and a clone never did. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
      return place < 0 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}
