import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isHere, must, root, Skipped } from './run.js';

/** Prometheus' own check of its rules, and of what they say about series that are given. */
export function checkRules(): string {
  if (!isHere('promtool')) throw new Skipped('there is no promtool here (Debian: prometheus)');
  const list = (folder: string) =>
    readdirSync(join(root, 'deploy', 'prometheus', folder)).map((name) =>
      join(root, 'deploy', 'prometheus', folder, name),
    );
  must('promtool', ['check', 'rules', ...list('rules')]);
  must('promtool', ['test', 'rules', ...list('tests')]);
  return `${list('rules').length} files of rules, ${list('tests').length} of tests`;
}
