import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cliDocs } from '../../scripts/cli-docs.js';
import { COMMANDS } from './commands.js';
import { parseLine, runCli } from './run.js';

const run = promisify(execFile);

async function tempost(...argv: string[]) {
  const out: string[] = [];
  const code = await runCli(argv, {}, { out: (text) => out.push(text), error: (text) => out.push(text) });
  return { code, out: out.join('\n') };
}
const wordsOf = (line: string) => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);

describe.each(Object.entries(COMMANDS))('tempost %s', (name, command) => {
  it('has help with an example that it understands, and needs no key for it', async () => {
    const { code, out } = await tempost(...name.split(' '), '--help');
    expect(code).toBe(0);
    expect(out).toContain(`usage: tempost ${name}`);
    expect(out).toContain(`Example: ${command.example}`);
    const [program, ...argv] = wordsOf(command.example);
    expect(program).toBe('tempost');
    expect(parseLine(argv).name).toBe(name);
  });

  it('says in its help what each of its options is', async () => {
    const { out } = await tempost(...name.split(' '), '--help');
    expect((command.options ?? []).filter((option) => !out.includes(`--${option}`))).toEqual([]);
  });
});

describe('docs/cli.md', () => {
  it('is what the table of commands gives now; `npm run cli:docs` writes it anew', () => {
    expect(readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')).toBe(cliDocs());
  });
});

describe('tempost completion', () => {
  /** What bash offers for the last word. */
  async function offered(...words: string[]): Promise<string[]> {
    const script = [
      (await tempost('completion', 'bash')).out,
      `COMP_WORDS=(${['tempost', ...words].map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length}`,
      '_tempost',
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('\n');
    const { stdout } = await run('bash', ['--norc', '-c', script]);
    return stdout.split('\n').filter((word) => word !== '');
  }

  it('offers in bash commands, their second words, their options, and values', async ({ skip }) => {
    skip(!(await run('bash', ['--version']).catch(() => undefined)), 'there is no bash');
    expect(await offered('sup')).toEqual(['suppressions']);
    expect(await offered('keys', 'r')).toEqual(['rotate', 'revoke']);
    expect(await offered('pause', '')).toEqual(expect.arrayContaining(['critical', 'all', '--reason']));
    expect(await offered('dead', 'retry', '--d')).toEqual(['--dry-run']);
    expect(await offered('emails', '--rec')).toEqual(['--receiver']);
    expect(await offered('send', '--priority', 'c')).toEqual(['critical']);
    expect(await offered('')).toEqual(
      expect.arrayContaining(Object.keys(COMMANDS).filter((name) => !name.includes(' '))),
    );
  });

  it.each(['zsh', 'fish'])('is a script that %s reads', async (shell) => {
    const { code, out } = await tempost('completion', shell);
    expect(code).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(out).toContain(name.split(' ').at(-1));
    // The shell itself, where there is one, has no fault to find.
    if (await run(shell, ['--version']).catch(() => undefined)) await run(shell, ['-n', '-c', out]);
  });

  it('knows no other shell', async () => {
    for (const words of [[], ['tcsh']]) expect((await tempost('completion', ...words)).code).toBe(2);
  });
});
