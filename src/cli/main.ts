#!/usr/bin/env node
import { text } from 'node:stream/consumers';
import { loadEnvFile } from '../dev/settings.js';
import { runCli } from './run.js';

process.stdout.on('error', () => {}); // A reader that goes away (`| head`) is no trouble.
loadEnvFile();
process.exitCode = await runCli(process.argv.slice(2), process.env, {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  input: async () => (process.stdin.isTTY ? undefined : text(process.stdin)),
});
