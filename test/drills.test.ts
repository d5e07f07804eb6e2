import { describe, expect, inject, it } from 'vitest';
import { runDrill } from '../drills/run.js';
import { drillNamed } from '../drills/scenarios/index.js';
import { patient } from './support/patience.js';

/** Enough for every priority, attachments included, at every stage. */
const EMAILS = 18;

/**
 * The quick versions of drills whose failures no other test meets; `npm run drill` runs all of them in full, and with
 * `-- --quick` as here. Killed workers, services and servers are in `crash.test.ts` and `kill-points.test.ts`; a
 * provider that is down, and webhooks in any order, in the tests of failover and of the record.
 */
const CHOSEN = ['temporal-database-deleted', 'taken-but-timeout', 'storage-down', 'full-stop'];

describe.each(CHOSEN)('drill %s', (name) => {
  it('loses nothing and sends nothing twice that is not counted', { timeout: patient(150_000) }, async () => {
    const result = await runDrill(drillNamed(name), {
      emails: EMAILS,
      quick: true,
      cli: inject('temporalCli'),
      say: () => {},
    });
    expect(result.broken, JSON.stringify(result)).toEqual([]);
    expect(result.count).toMatchObject({ accepted: EMAILS, handedOver: EMAILS, lost: 0, duplicatesUncounted: 0 });
  });
});
