import { goProgram, programHere } from '../installs.js';

/** What a cluster runs on. */
export interface Programs {
  /** Temporal's server: each of the four roles is a process of it. */
  readonly server: string;
  /** Makes and updates the schemas of its databases. */
  readonly sqlTool: string;
  readonly haproxy: string;
}

/**
 * Brings all that the cluster runs on into the cache. The server's first build takes minutes.
 *
 * @throws CannotDrill naming what cannot be had.
 */
export function installPrograms(): Programs {
  programHere('openssl', 'openssl');
  const haproxy = programHere('haproxy', 'haproxy');
  return { haproxy, server: goProgram('temporal-server'), sqlTool: goProgram('temporal-sql') };
}
