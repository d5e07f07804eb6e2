import { expect, it } from 'vitest';
import { scriptWorkflows, start } from '../../test/support/servers/scripted-workflows.js';

scriptWorkflows();

it('the call stack of an e-mail that waits names the line at which it waits, and keeps few frames of each promise', async () => {
  const { handle } = await start({});
  await expect.poll(() => handle.query('status')).toBe('awaiting delivery');
  const stack = await handle.query<string>('__stack_trace');
  expect(stack).toMatch(/ at email \(.*src\/workflows\/email\.ts:\d+:\d+\)/);
  const frames = stack.split('\n\n').map((promise) => promise.split('\n').length);
  expect(Math.max(...frames)).toBeLessThanOrEqual(4);
  await handle.terminate('the test is over');
});
