import { join } from 'node:path';
import { BucketBackups } from '../restore/bucket-backups.js';
import { restored } from '../restore/disaster.js';
import type { Scenario } from '../scenario.js';

export const RESTORE: Scenario = {
  name: 'restore',
  tries: 'the database is lost, and restored to a point before much was sent',
  disasters: [
    restored({
      name: 'recovered',
      how: 'everything is killed, PostgreSQL lost and restored; tempost recover, then everything again',
      temporal: 'intact',
      dryRunFirst: true,
    }),
    restored({
      name: 'forgotten',
      how: 'the same, but everything is started before tempost recover: the safeguard has to stop it',
      temporal: 'intact',
      startedTooSoon: true,
    }),
    restored({
      name: 'temporal-lost',
      how: 'the same, and Temporal’s data are lost as well: the providers alone can tell',
      temporal: 'lost',
    }),
    restored({
      name: 'from-bucket',
      how: 'as recovered, but base backup and log come from a bucket, by deploy/barman',
      temporal: 'intact',
      keep: (folder) => BucketBackups.start(join(folder, 'barman')),
    }),
  ],
};
