import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './write-whole.js';

/** What the system and its sandbox share, as a real account would have it. */
interface SandboxSecrets {
  readonly MAILGUN_API_KEY: string;
  readonly MAILGUN_WEBHOOK_SIGNING_KEY: string;
  readonly MANDRILL_API_KEY: string;
  readonly MANDRILL_WEBHOOK_KEY: string;
}

/** Made once per data folder: webhooks for mail sent before a restart must still verify after it. */
export function sandboxSecrets(dataDir: string): SandboxSecrets {
  const made = keep(join(dataDir, 'sandbox-secrets.json'), () =>
    JSON.stringify({
      MAILGUN_API_KEY: `key-${token()}`,
      MAILGUN_WEBHOOK_SIGNING_KEY: token(),
      MANDRILL_API_KEY: `md-${token()}`,
      MANDRILL_WEBHOOK_KEY: token(),
    } satisfies SandboxSecrets),
  );
  return JSON.parse(made) as SandboxSecrets;
}

/** The API key that exists from the first start, when the environment names none. */
export function bootstrapApiKey(dataDir: string): string {
  return keep(join(dataDir, 'bootstrap-api-key'), () => `tempost-${randomBytes(24).toString('base64url')}`);
}

const token = () => randomBytes(16).toString('hex');

/** Reads a file only we may read; makes it, whole or not at all, when there is none. */
function keep(path: string, make: () => string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const value = make();
  writeWhole(path, `${value}\n`);
  return value;
}
