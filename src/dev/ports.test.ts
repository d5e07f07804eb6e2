import { expect, it } from 'vitest';
import { freePorts } from './ports.js';

it('a port for a server is none that the kernel gives to a connection, and is handed out once', async () => {
  const ports = [...(await freePorts(100)), ...(await freePorts(100))];
  expect(new Set(ports).size).toBe(200);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
