import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { planProcesses } from '../src/dev/plan.js';
import { loadSettings } from '../src/dev/settings.js';
import { metricNames, metricNamesOfBackups } from './support/monitoring/metric-names.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'deploy', 'prometheus');
const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown };
const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const files = readdirSync(join(folder, 'rules'));
const rules = files.flatMap((file) => {
  const { groups } = load(read('rules', file)) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
});
const alerts = rules.filter(({ alert }) => alert !== undefined);

/** As GitHub makes them of headings. */
const anchorsOf = (markdown: string) =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

describe('deploy/prometheus', () => {
  it('its rules go by metrics that we have, and by records that they make', () => {
    const records = rules.flatMap(({ record }) => record ?? []);
    const histograms = ['_count', '_sum', '_bucket'].flatMap((end) => metricNames().map((name) => `${name}${end}`));
    const known = new Set([...metricNames(), ...metricNamesOfBackups(), ...histograms, ...records]);
    const named = rules.flatMap(({ expr }) => expr.match(/\btempost[_:][a-z0-9_:]+/g) ?? []);
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('every alert says how bad it is, what it is, and where to read what to do', () => {
    const anchors = anchorsOf(readFileSync(join(root, 'docs', 'operating.md'), 'utf8'));
    expect(alerts.length).toBeGreaterThan(20);
    for (const { alert, labels, annotations } of alerts) {
      expect(['page', 'ticket'], alert).toContain(labels?.severity);
      expect(annotations?.summary, alert).toMatch(/\S/);
      const [path, anchor] = annotations!.runbook!.split('#');
      expect(path).toBe('docs/operating.md');
      expect(anchors, alert).toContain(anchor);
    }
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it('every condition of operating.md is a rule of its name, with its metrics, its limits and its time', () => {
    const text = readFileSync(join(root, 'docs', 'operating.md'), 'utf8');
    const list = text.slice(text.indexOf('has what follows as rules'), text.indexOf('\n### Logs'));
    const conditions = [...list.matchAll(/^- ((?:.|\n(?! *- |\n))*)/gm)].map(([, condition]) => condition!);
    expect(conditions.length).toBeGreaterThan(25);
    const named: string[] = [];
    for (const condition of conditions) {
      const names = condition.match(/\bTempost\w+/g) ?? [];
      expect(names, condition).not.toEqual([]);
      named.push(...names);
      for (const name of names) holds(condition, alerts.find(({ alert }) => alert === name)!);
    }
    const { groups } = load(read('rules', 'conditions.rules.yaml')) as { groups: { rules: Rule[] }[] };
    expect(named.sort()).toEqual(groups.flatMap((group) => group.rules.map(({ alert }) => alert!)).sort());
  });

  /** Holds a rule against the words that tell of it. */
  function holds(condition: string, rule: Rule) {
    const said = [...condition.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
    for (const code of said) {
      for (const metric of code.match(/\b(?:tempost|nodejs)_\w+/g) ?? [])
        expect(rule.expr, rule.alert).toContain(metric);
      for (const label of code.match(/\w+="[^"]+"/g) ?? []) expect(rule.expr, rule.alert).toContain(label);
      for (const limit of code.match(/(?:[<>]|==) [\d* ]*\d/g) ?? []) expect(rule.expr, rule.alert).toContain(limit);
    }
    const [, amount, unit] = /\bfor (\d+)\s+(min|h)\b/.exec(condition) ?? [];
    expect(rule.for, rule.alert).toBe(amount && `${amount}${unit![0]}`);
  }

  it('every alert is made to fire by a test of its own', () => {
    const tests = readdirSync(join(folder, 'tests')).map((file) => read('tests', file));
    for (const { alert } of alerts)
      expect(
        tests.some((text) => text.includes(`alertname="${alert}"`)),
        alert,
      ).toBe(true);
  });

  it('the example of Alertmanager speaks of alerts that there are', () => {
    const named = (read('alertmanager.yml').match(/Tempost\w+/g) ?? []).map((name) => name);
    expect(named.length).toBeGreaterThan(3);
    for (const name of named)
      expect(
        alerts.some(({ alert }) => alert!.startsWith(name)),
        name,
      ).toBe(true);
  });

  it('the example of Prometheus scrapes the ports of npm start', () => {
    const ports = planProcesses(loadSettings({ DATA_DIR: '/tmp' })).flatMap(({ metricsPort }) => metricsPort ?? []);
    expect(ports).toHaveLength(6);
    const scraped = [...read('prometheus.yml').matchAll(/- 127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
    expect(scraped).toEqual(ports.sort());
  });

  const isHere = (command: string) => spawnSync(command, ['--version']).status === 0;
  const run = (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).toBe(0);
  };
  // Debian's package `prometheus` has it; `.ci/run` fetches it where it can, and says so where it cannot.
  it.skipIf(!isHere('promtool'))('promtool finds the rules right, and that they do what their tests say', () => {
    run('promtool', 'check', 'config', 'prometheus.yml');
    run('promtool', 'test', 'rules', ...readdirSync(join(folder, 'tests')).map((file) => join('tests', file)));
  });
  // Debian's package `prometheus-alertmanager` has it; as above.
  it.skipIf(!isHere('amtool'))('amtool takes the example of Alertmanager', () => {
    run('amtool', 'check-config', 'alertmanager.yml');
  });
});
