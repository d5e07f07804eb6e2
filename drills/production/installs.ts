import { ask, isHere, Skipped } from '../../deploy/check/run.js';
import { pythonPackage, type ToolName, tool } from '../../deploy/check/tools.js';
import { CannotDrill } from '../drill.js';

/** Runs an installer of `npm run check:deploy`, whose cache the drills share, in the terms of a drill. */
export function orCannot<T>(install: () => T): T {
  try {
    const installed = install();
    return installed instanceof Promise ? (installed.catch(inTermsOfADrill) as T) : installed;
  } catch (error) {
    return inTermsOfADrill(error);
  }
}

function inTermsOfADrill(error: unknown): never {
  if (error instanceof Skipped) throw new CannotDrill(error.message);
  throw error;
}

/**
 * A folder of Python packages of fixed versions, from the cache (`XDG_CACHE_HOME`) or fetched into it by pip.
 *
 * @throws CannotDrill when it cannot be had.
 */
export const pythonFolder = (requirement: string, more: readonly string[] = []): string =>
  orCannot(() => pythonPackage(requirement, more));

/**
 * A program of a fixed version, from the cache or built into it by Go.
 *
 * @throws CannotDrill when it cannot be had.
 */
export const goProgram = (name: ToolName): string => orCannot(() => tool(name, true));

/**
 * A program of the machine's own packages.
 *
 * @param debianPackage what it is in, for who lacks it.
 * @throws CannotDrill when it is not on the PATH.
 */
export function programHere(program: string, debianPackage: string): string {
  for (const path of [program, `/usr/sbin/${program}`, `/sbin/${program}`]) if (isHere(path)) return path;
  throw new CannotDrill(`there is no ${program} here: "apt install ${debianPackage}" brings it`);
}

/** Whether network namespaces can be made. @throws CannotDrill where not: it takes Linux and root. */
export function assertNamespaces(): void {
  programHere('ip', 'iproute2');
  const { status, stderr } = ask('unshare', ['--net', 'true']);
  if (status !== 0)
    throw new CannotDrill(`network namespaces cannot be made here (Linux and root are needed): ${stderr.trim()}`);
}
