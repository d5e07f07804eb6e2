// The webhooks service in a process of its own that watches its memory; spoken to over IPC by the tests of abuse.
import { startTestWebhooks } from './webhooks.js';

const service = await startTestWebhooks({ databaseUrl: process.env.DATABASE_URL!, temporalAddress: '127.0.0.1:1' });

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
    await service.stop();
    process.disconnect();
  }
});
process.send!(service.port);
