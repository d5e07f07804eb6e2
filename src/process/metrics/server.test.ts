import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { freePort } from '../../../test/support/ports.js';
import { Health } from '../health.js';
import { counter, measureProcess } from './registry.js';
import { type Sample, serveMonitoring } from './server.js';

const HOST = '127.0.0.1';
const told: object[] = [];
const logger = { error: (fields: object) => void told.push(fields) };

async function serve(...samples: Sample[]) {
  const port = await freePort();
  const stop = await serveMonitoring(HOST, port, { health: new Health(), samples, pages: new Map() }, logger);
  return { url: `http://${HOST}:${port}`, port, stop: stop! };
}

measureProcess('test');

it('tells the process, its release, what it counts, and the samples, as promtool wants it', async () => {
  counter({ name: 'tempost_tested_total', help: 'Tests', labels: ['by'] }).inc({ by: 'vitest' });
  const { url, stop } = await serve(
    async () => '# HELP tempost_sampled A sample\n# TYPE tempost_sampled gauge\ntempost_sampled 7\n',
  );
  const answer = await fetch(`${url}/metrics`);
  const text = await answer.text();
  await stop();
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(text).toContain('tempost_tested_total{by="vitest"} 1');
  expect(text).toMatch(/^tempost_sampled 7$/m);
  expect(text).toMatch(/^tempost_build_info\{process="test",version="\d+\.\d+\.\d+[^"]*",node="v\d+[^"]*"\} 1$/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  expect(text).toMatch(/^process_resident_memory_bytes /m);
  if (spawnSync('promtool', ['--version']).status !== 0) return;
  const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(`${stdout}${stderr}`).toBe('');
});

it('answers 503 while a sample cannot be had, and 404 elsewhere, and takes no other method', async () => {
  const { url, stop } = await serve(() => Promise.reject(new Error('no database')));
  expect((await fetch(`${url}/metrics`)).status).toBe(503);
  expect((await fetch(`${url}/other`)).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
  await stop();
});

it('a port that is taken costs metrics and health, and nothing else, and the log says so', async () => {
  const { port, stop } = await serve();
  const monitored = { health: new Health(), samples: [], pages: new Map() };
  expect(await serveMonitoring(HOST, port, monitored, logger)).toBeUndefined();
  expect(told).toEqual([{ port, code: 'EADDRINUSE' }]);
  await stop();
});
