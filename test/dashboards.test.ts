import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dashboards, expressionsOf, panelsOf } from './support/monitoring/dashboards.js';
import { metricNames } from './support/monitoring/metric-names.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { load } = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown };
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

describe('deploy/grafana', () => {
  it('goes by metrics that we have, and by records of deploy/prometheus', () => {
    const rules = read('deploy/prometheus/rules/service-levels.rules.yaml');
    const records = [...rules.matchAll(/record: (\S+)/g)].map(([, name]) => name!);
    const histograms = ['_count', '_sum', '_bucket'].flatMap((end) => metricNames().map((name) => `${name}${end}`));
    const known = new Set([...metricNames(), ...histograms, ...records]);
    const named = [...dashboards.values()]
      .flatMap(expressionsOf)
      .flatMap((expression) => expression.match(/\btempost[_:][a-z0-9_:]+/g) ?? []);
    expect(named.length).toBeGreaterThan(80);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('has a title, a place of its own, a unit and an explanation for every panel', () => {
    for (const [name, { panels }] of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size, name).toBe(panels.length);
      const taken = new Set<string>();
      for (const { title, gridPos } of panels) {
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(x, `${name}: ${title}`).toBeLessThan(24);
            expect(taken.has(`${x} ${y}`), `${name}: ${title}`).toBe(false);
            taken.add(`${x} ${y}`);
          }
        }
      }
    }
    for (const panel of [...dashboards.values()].flatMap(panelsOf)) {
      expect(panel.title).toMatch(/\S/);
      expect(panel.description, panel.title).toMatch(/\.$/);
      expect(panel.fieldConfig?.defaults.unit, panel.title).toMatch(/\S/);
    }
  });

  it('asks the Prometheus that the reader has chosen, by an address of its own, under one tag', () => {
    expect([...dashboards.keys()].sort()).toEqual(['overview', 'priority', 'providers', 'temporal']);
    for (const [name, dashboard] of dashboards) {
      expect([dashboard.uid, dashboard.tags]).toEqual([`tempost-${name}`, ['tempost']]);
      expect(dashboard.templating.list[0]).toMatchObject({
        name: 'datasource',
        type: 'datasource',
        query: 'prometheus',
      });
      for (const { datasource, targets } of panelsOf(dashboard)) {
        const asked = [datasource, ...targets!.map((target) => target.datasource)].map((source) => source?.uid);
        expect(new Set(asked)).toEqual(new Set([`\${datasource}`]));
      }
    }
  });

  it('is what the chart ships, and what the example of provisioning names', () => {
    expect(realpathSync(join(root, 'deploy/helm/tempost/dashboards'))).toBe(join(root, 'deploy/grafana/dashboards'));
    const { providers } = load(read('deploy/grafana/provisioning/dashboards/tempost.yaml')) as {
      providers: { type: string; options: { path: string } }[];
    };
    expect(providers).toMatchObject([{ type: 'file', options: { path: '/var/lib/grafana/dashboards/tempost' } }]);
    const { datasources } = load(read('deploy/grafana/provisioning/datasources/tempost.yaml')) as {
      datasources: { type: string }[];
    };
    expect(datasources).toMatchObject([{ type: 'prometheus' }]);
  });
});
