import type { Box } from './box.js';
import { MAGIC } from './magic.js';

const ENDPOINTS: readonly [string, string][] = [
  ['POST /v3/{domain}/messages', 'Mailgun: send'],
  ['GET /v3/{domain}/events · POST /v1/analytics/logs', 'Mailgun: look up'],
  ['POST /api/1.0/messages/send.json', 'Mandrill: send'],
  ['POST /api/1.0/messages/search.json · info.json · /users/ping2.json', 'Mandrill: look up'],
  ['GET, PUT /sandbox/faults', 'faults and pause points; PUT replaces all of them, {} switches all off'],
  ['GET /sandbox/waiting?point=…&timeout_ms=…', 'waits until a request is held at a pause point; 204 when none comes'],
  ['GET /sandbox/held', 'the requests that are held now'],
  ['POST /sandbox/release', 'lets held requests go on'],
  ['GET /sandbox/acceptance?email_id=…', 'one line for every call that was accepted'],
  ['GET /sandbox/searches', "how many of Mandrill's searches were answered, and refused for its limit"],
  ['GET /sandbox/messages', 'messages with their headers and `trackOpens`, and what happened to them'],
  ['GET /sandbox/messages?email_id=…', 'the same of one e-mail, with its text and HTML while the inbox is on'],
  ['POST /sandbox/messages/{email_id}/open · click · complain · bounce · unsubscribe', 'the reader does something'],
  ['DELETE /sandbox', 'forgets everything and switches all faults off'],
];

/** The page that explains the sandbox and shows the faults that are on. */
export function indexPage(box: Box): string {
  const inbox = box.inbox ? `<a href="${box.inbox.url}">the inbox</a>` : 'no inbox (it is off)';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Provider sandbox</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  td { padding: .2rem 1rem .2rem 0; vertical-align: top }
  code, pre { font: 13px/1.5 ui-monospace, monospace }
</style>
<h1>Provider sandbox</h1>
<p>Stands in for Mailgun and Mandrill. Mail goes to ${inbox}.
${box.store.acceptance().length} calls accepted so far. Their minute is ${60 * box.options.timeScale} s here.
<h2>Addresses</h2>
${table(ENDPOINTS)}
<h2>Magic receivers</h2>
<p>The local part decides, at any domain; <code>defer+7@example.com</code> counts as <code>defer</code>.
${table(Object.entries(MAGIC).map(([name, { does }]) => [`${name}@`, does]))}
<h2>Faults that are on</h2>
<pre>${escapeHtml(JSON.stringify(box.faults.get(), null, 2))}</pre>
`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const cells = rows.map(([name, text]) => `<tr><td><code>${escapeHtml(name)}</code><td>${escapeHtml(text)}`);
  return `<table>${cells.join('\n')}</table>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
