import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach } from 'vitest';
import { createMandrill } from '../../../src/providers/mandrill/adapter.js';
import { bodyOf, type ScriptedServer, startHttp } from './scripted-servers.js';

let server: ScriptedServer | undefined;

/** Ends each test's server after it; to be called once in a test file. */
export const endServers = () => afterEach(() => server?.stop());

/** Our adapter, in front of a server that answers as it is told. */
export async function mandrill(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  server = await startHttp(answer);
  return createMandrill({ apiKey: 'key', apiUrl: `${server.url}/`, webhookKey: '', webhookUrl: '' });
}

/** Calls the provider with a server that gives one answer; hands back the result and what was asked. */
export async function ask<T>(
  call: (provider: Awaited<ReturnType<typeof mandrill>>) => Promise<T>,
  { status = 200, body = '', headers = {} }: { status?: number; body?: string; headers?: Record<string, string> },
) {
  const seen = { url: '', document: {} as Record<string, unknown> };
  const provider = await mandrill(async (request, response) => {
    seen.url = request.url ?? '';
    seen.document = JSON.parse((await bodyOf(request)).toString('utf8'));
    response.writeHead(status, headers).end(body);
  });
  return { result: await call(provider), ...seen };
}

/** A signal that never aborts. */
export const never = new AbortController().signal;
