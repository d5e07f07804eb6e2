import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientTypes } from '../scripts/client-types.js';

describe('client/generated', () => {
  const folder = new URL('generated/', import.meta.url);

  it('is what the API’s description gives now; `npm run client:types` writes it anew', () => {
    const types = clientTypes();
    expect(readdirSync(folder).sort()).toEqual(Object.keys(types).sort());
    for (const [name, text] of Object.entries(types)) expect(readFileSync(new URL(name, folder), 'utf8')).toBe(text);
  });
});
