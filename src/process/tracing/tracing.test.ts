import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isTraceparent, readTraceparent, traceparentOf } from './traceparent.js';
import { currentTraceparent, inSpan, traceFields } from './tracing.js';

it('without tracing the work is just done, and nothing of OpenTelemetry is loaded', async () => {
  const within = await inSpan('send', { emailId: '019ab000-0000-7000-8000-000000000001' }, async () => [
    currentTraceparent(),
    traceFields(),
  ]);
  expect(within).toEqual([undefined, {}]);
  const path = JSON.stringify(fileURLToPath(new URL('./tracing.ts', import.meta.url)));
  const code = `
    import { createRequire } from 'node:module';
    const { inSpan } = await import(${path});
    await inSpan('send', {}, async () => {});
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((name) => name.includes('opentelemetry'));
    console.log(loaded.length);`;
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code]);
  expect(String(stdout).trim()).toBe('0');
});

it('an e-mail without a trace of its own has the one that its id makes, in every process', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      const made = traceparentOf(id);
      expect(isTraceparent(made)).toBe(true);
      expect(made).toBe(traceparentOf(id));
      expect(readTraceparent(made)).toEqual({
        traceId: id.replaceAll('-', ''),
        spanId: id.replaceAll('-', '').slice(-16),
        traceFlags: 1,
      });
    }),
  );
});

it.each([
  '',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331',
  '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
  '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
  'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
  undefined,
])('%j is no traceparent', (text) => expect(isTraceparent(text)).toBe(false));
