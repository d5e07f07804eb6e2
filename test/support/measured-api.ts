// The api in a process of its own that watches its memory; spoken to over IPC by the memory test.
import { pino } from 'pino';
import { startApi } from '../../src/api/server.js';
import { apiConfig } from './api-config.js';

const api = await startApi(apiConfig(process.env.DATABASE_URL!), pino({ level: 'silent' }));

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
