import type { ApiConfig } from '../../../src/api/server.js';
import { patient } from '../patience.js';

export const TEST_DEADLINE_MS = { critical: 15_000, medium: 900_000, low: 3_600_000 };

/** What an api in a test reads: a free port, and no Temporal to reach unless a test names one. */
export function apiConfig(
  databaseUrl: string,
  changes: Partial<ApiConfig> & { temporalAddress?: string } = {},
): ApiConfig {
  const { temporalAddress = '127.0.0.1:1', ...others } = changes;
  return {
    database: { url: databaseUrl, poolSize: 10, connectMs: patient(5_000), asyncReplication: 'refuse' },
    temporal: {
      address: temporalAddress,
      namespace: 'default',
      uiUrl: undefined,
      apiKey: undefined,
      workerBuildId: undefined,
      tls: { caFile: undefined, certFile: undefined, keyFile: undefined, serverName: undefined },
    },
    host: '127.0.0.1',
    apiPort: 0,
    bootstrapApiKey: undefined,
    deadlineMs: TEST_DEADLINE_MS,
    drainMs: 0,
    shutdownGraceMs: 5_000,
    providers: ['mailgun', 'mandrill'],
    trustedProxies: [],
    inFlightLimit: { critical: 50, medium: 30, low: 15 },
    storage: { kind: 'file', bucket: '', emulatorUrl: undefined, directory: '/nowhere' },
    serviceLevelTarget: 99.9,
    disk: { capacityBytes: null, directory: null },
    retention: { emails: { content: null, record: null }, webhooksDays: 90, auditDays: 400 },
    ...others,
  };
}
