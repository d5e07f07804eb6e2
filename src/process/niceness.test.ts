import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { getPriority } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const niceness = fileURLToPath(new URL('./niceness.ts', import.meta.url));

/** What runs a command as somebody who is not root would run it, seen from the kernel's limit. */
const WITHOUT_PRIVILEGE =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'] : ['env'];

/** What a process says of itself after it has stepped back by these values, one after the other. */
async function stepBackIn(
  options: { readonly session: boolean; readonly command?: readonly string[]; readonly untilAutogroup?: number },
  ...values: number[]
) {
  const code = `
    import { existsSync, readFileSync } from 'node:fs';
    import { getPriority } from 'node:os';
    import { stepBack } from ${JSON.stringify(niceness)};
    const autogroup = () => existsSync('/proc/self/autogroup')
      ? Number(readFileSync('/proc/self/autogroup', 'utf8').split('nice ')[1]) : undefined;
    const before = autogroup();
    const pause = () => new Promise((resolve) => setTimeout(resolve, 150)); // Without privilege: ten changes a second.
    for (const value of ${JSON.stringify(values)}) { stepBack(value); await pause(); }
    for (let tries = 0; tries < 60 && autogroup() < ${options.untilAutogroup ?? 0}; tries++) await pause();
    console.log(JSON.stringify({ nice: getPriority(), before, autogroup: autogroup() }));`;
  const [command, ...words] = [...(options.command ?? []), process.execPath];
  const child = spawn(command!, [...words, '--import', 'tsx', '--input-type=module', '--eval', code], {
    detached: options.session,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout)) as { nice: number; before?: number; autogroup?: number };
}

const hasAutogroups = existsSync('/proc/self/autogroup');
const [tool, ...words] = [...WITHOUT_PRIVILEGE, 'true'];
const canDropPrivilege = spawnSync(tool!, words).status === 0;

/** A new session begins at 0, whatever the nice value of who starts it: it steps back from there only. */
const leastOfSession = Math.max(0, getPriority());

describe('a process steps back', () => {
  it('never forward', async () => {
    const own = getPriority();
    expect((await stepBackIn({ session: true }, own + 3, own + 1)).nice).toBe(own + 3);
  });

  it.runIf(hasAutogroups)('among all on its machine when its session is its own', async () => {
    const own = leastOfSession;
    const { before, autogroup } = await stepBackIn(
      { session: true, untilAutogroup: own + 7 },
      ...[own + 3, own + 7, own + 5],
    );
    expect({ before, autogroup }).toEqual({ before: 0, autogroup: own + 7 });
  });

  it.runIf(hasAutogroups && canDropPrivilege)(
    'with its session also where the kernel takes such changes one at a time only',
    async () => {
      const own = leastOfSession;
      const options = { session: true, command: WITHOUT_PRIVILEGE, untilAutogroup: own + 5 };
      // Without privilege, one of these is taken at once.
      const together = await Promise.all([1, 2, 3, 4].map(() => stepBackIn(options, own + 5)));
      expect(together.map(({ autogroup }) => autogroup)).toEqual([own + 5, own + 5, own + 5, own + 5]);
    },
  );

  it.runIf(hasAutogroups)('alone when it shares its session with others', async () => {
    const own = getPriority();
    const { nice, before, autogroup } = await stepBackIn({ session: false }, own + 7);
    expect(nice).toBe(own + 7);
    expect(autogroup).toBe(before);
  });
});
