#!/usr/bin/env node
import { loadEnvFile } from '../dev/settings.js';
import { runCli } from './run.js';

process.stdout.on('error', () => {}); // A reader that goes away (`| head`) is no trouble.
loadEnvFile();
process.exitCode = await runCli(process.argv.slice(2), process.env, {
  out: (text) => process.stdout.write(`${text}\n`),
  error: (text) => process.stderr.write(`${text}\n`),
});
