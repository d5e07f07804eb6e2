import { describe, expect, it } from 'vitest';
import { loadSandboxOptions } from './config.js';

const complete = {
  SANDBOX_DIR: '/somewhere',
  MAILGUN_API_KEY: 'a',
  MAILGUN_DOMAIN: 'mg.example.com',
  MAILGUN_WEBHOOK_SIGNING_KEY: 'b',
  MANDRILL_API_KEY: 'c',
  MANDRILL_WEBHOOK_KEY: 'd',
};

describe('sandbox configuration', () => {
  it('has a default for everything but keys and the directory', () => {
    expect(loadSandboxOptions(complete)).toMatchObject({
      port: 3002,
      inbox: true,
      inboxPort: 1080,
      inboxSmtpPort: 1025,
      timeScale: 1 / 60,
      mailgun: { webhookUrl: null },
    });
  });

  it('names every fault at once', () => {
    const load = () =>
      loadSandboxOptions({ ...complete, MAILGUN_API_KEY: '', SANDBOX_PORT: 'x', SANDBOX_INBOX: 'maybe' });
    expect(load).toThrow(/SANDBOX_PORT.*SANDBOX_INBOX.*MAILGUN_API_KEY/s);
  });
});
