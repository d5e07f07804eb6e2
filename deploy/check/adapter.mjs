// Tells the number that autoscalers ask for, as Prometheus' adapter would; a process of its own, so that it answers while
// the check waits for kubectl. Arguments: port, certificate, key, and a file with the e-mails of each priority as JSON.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [port, certificate, key, values] = process.argv.slice(2);
const API = 'external.metrics.k8s.io/v1beta1';
const options = { cert: readFileSync(String(certificate)), key: readFileSync(String(key)) };

createServer(options, (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
  const priority = /priority=(\w+)/.exec(searchParams.get('labelSelector') ?? '')?.[1] ?? '';
  const emails = JSON.parse(readFileSync(String(values), 'utf8'));
  const item = {
    metricName: 'tempost_scale_emails',
    metricLabels: { priority },
    timestamp: new Date().toISOString().replace(/\.\d+/, ''),
    value: String(emails[priority] ?? 0),
  };
  const answer = pathname.endsWith('/tempost_scale_emails')
    ? { apiVersion: API, kind: 'ExternalMetricValueList', items: [item] }
    : { apiVersion: 'v1', kind: 'APIResourceList', groupVersion: API, resources: [] };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}).listen(Number(port), '127.0.0.1');
