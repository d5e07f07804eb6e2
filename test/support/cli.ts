import { runCli } from '../../src/cli/run.js';

/** What a command said, and its exit code. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/**
 * Runs lines of the command line in this process. Words in quotes may hold spaces.
 *
 * @param base the environment of every line: which api, and by which key.
 */
export const commandLine =
  (base: () => NodeJS.ProcessEnv) =>
  async (line: string, env: NodeJS.ProcessEnv = {}): Promise<Said> => {
    const out: string[] = [];
    const errors: string[] = [];
    const argv = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
    const console = { out: (text: string) => out.push(text), error: (text: string) => errors.push(text) };
    const code = await runCli(argv, { ...base(), ...env }, console);
    return { code, out: out.join('\n'), error: errors.join('\n') };
  };
