import { expect, it } from 'vitest';
import { type ReloadRequest, reload } from './reload.js';

const planned = ['sandbox', 'webhooks', 'worker-low', 'dispatcher', 'api'].map((name) => ({
  name,
  script: `${name}.js`,
  args: [],
}));

async function restarted(folders: ReloadRequest['reload']): Promise<readonly string[]> {
  const names: string[] = [];
  const restart = async (asked: readonly string[]) => void names.push(...asked);
  await reload({ reload: folders }, { planned, env: {}, restart, say: () => {} });
  return names;
}

it('restarts the product without the sandbox, and the sandbox without the product', async () => {
  expect(await restarted(['src'])).toEqual(['webhooks', 'worker-low', 'dispatcher', 'api']);
  expect(await restarted(['sandbox'])).toEqual(['sandbox']);
  expect(await restarted(['src', 'sandbox'])).toEqual(['sandbox', 'webhooks', 'worker-low', 'dispatcher', 'api']);
});

it('leaves everything running when a migration fails, as it does without a database', async () => {
  expect(await restarted(['migrations', 'src'])).toEqual([]);
});
