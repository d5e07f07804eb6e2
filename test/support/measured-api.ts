// The api in a process of its own that watches its memory; spoken to over IPC by the memory test.
import { pino } from 'pino';
import { startApi } from '../../src/api/server.js';

const api = await startApi(
  {
    database: { url: process.env.DATABASE_URL!, poolSize: 10 },
    host: '127.0.0.1',
    apiPort: 0,
    bootstrapApiKey: undefined,
    deadlineMs: { critical: 15_000, medium: 900_000, low: 3_600_000 },
    shutdownGraceMs: 5_000,
  },
  pino({ level: 'silent' }),
);

let peakBytes = 0;
const look = () => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
};
setInterval(look, 10).unref();

process.on('message', async (message) => {
  if (message === 'measure') {
    look();
    process.send!(peakBytes);
    peakBytes = 0;
  } else {
    await api.stop();
    process.disconnect();
  }
});
process.send!(api.port);
