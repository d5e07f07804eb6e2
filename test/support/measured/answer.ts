/**
 * Watches the memory of this process, and answers whoever forked it over IPC: `measure` with the most bytes resident
 * since the last time, `held` with the bytes and handles in use, anything else by ending. Tells the port first.
 */
export function answerMeasurements({
  port,
  stop,
}: {
  readonly port: number;
  readonly stop: () => Promise<unknown>;
}): void {
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
    } else if (message === 'held') {
      global.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      process.send!({ bytes: heapUsed + external, handles: process.getActiveResourcesInfo().length });
    } else {
      await stop();
      process.disconnect();
    }
  });
  process.send!(port);
}
