import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { CommittedCounts } from '../bench/counts/committed.js';
import { COUNTING, countEmails } from '../bench/counts/count.js';
import { type Counts, KIND_NAMES, METRICS } from '../bench/counts/metrics.js';
import { withWorld } from '../bench/harness/world.js';
import { patient } from './support/patience.js';

const FILE = fileURLToPath(new URL('../bench/counts.json', import.meta.url));

it(
  'one e-mail of each kind is counted, and costs about what is committed',
  async () => {
    const { counts, statements } = await withWorld(
      (world) => countEmails(world, { warmUp: 1, emails: 1, say: () => {} }),
      COUNTING,
    );
    const committed = (JSON.parse(readFileSync(FILE, 'utf8')) as CommittedCounts).counts;
    for (const kind of KIND_NAMES) {
      expect(statements[kind]).toHaveLength(counts[kind].statements);
      // Not compared: that is for `npm run bench -- --quick`, which counts several. This is whether it counts at all.
      for (const metric of METRICS) expect(counts[kind][metric]).toBeGreaterThan(committed[kind]![metric]! / 2);
    }
    const named = (kind: keyof typeof statements, process: string) =>
      statements[kind].filter((text) => text.startsWith(`tempost-${process}: `)).length;
    for (const process of ['api', 'dispatcher', 'worker-medium', 'webhooks'])
      expect(named('plain', process)).toBeGreaterThan(0);
    expect(named('webhook', 'webhooks')).toBe(counts.webhook.statements);
    // Two webhooks an e-mail, and of an attachment at least its bytes.
    const costs = ({ statements: asked, wal_bytes: written }: Counts) => ({ asked, written });
    expect(costs(counts.attached).written).toBeGreaterThan(costs(counts.plain).written + 100_000);
    expect(costs(counts.failed_over).asked).toBeGreaterThan(costs(counts.plain).asked);
  },
  patient(180_000),
);
