import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, isHere, must, root, Skipped } from './run.js';

const read = (target: string) => readFileSync(join(root, 'deploy', target, 'haproxy.cfg'), 'utf8');

/**
 * The file of `deploy/patroni`, to be run by who runs this: the user in it is of Debian's package, and only root can
 * become it.
 */
export function haproxyOfPatroni(): string {
  const canBecome = process.getuid?.() === 0 && ask('id', ['haproxy']).status === 0;
  return canBecome ? read('patroni') : read('patroni').replaceAll(/^ {2}(?:user|group) haproxy\n/gm, '');
}

/** The section that `deploy/temporal` appends. @param tls the folder of its certificates here. */
export const haproxyOfTemporal = (tls: string): string => read('temporal').replaceAll('/etc/temporal/tls', tls);

/** Begins as Debian's own file does. */
const DEBIAN =
  'global\n  chroot /var/lib/haproxy\n\ndefaults\n  mode http\n  timeout client 50000\n  timeout server 50000\n\n';

/** HAProxy's configuration, by HAProxy: Patroni's alone, and Temporal's section behind it and behind Debian's own. */
export function checkHaproxy(): string {
  const haproxy = isHere('haproxy') ? 'haproxy' : isHere('/usr/sbin/haproxy') ? '/usr/sbin/haproxy' : undefined;
  if (!haproxy) throw new Skipped('there is no haproxy here');
  const folder = mkdtempSync(join(tmpdir(), 'tempost-haproxy-'));
  try {
    const file = join(folder, 'haproxy.cfg');
    const check = (config: string) => {
      writeFileSync(file, config);
      return ['-c', '-q', '-f', file];
    };
    must(haproxy, check(haproxyOfPatroni()));
    if (ask(haproxy, check(haproxyOfPatroni().replace('fall 2', 'fal 2'))).status === 0)
      throw new Error('a misspelt key is accepted: it checks nothing');
    if (!isHere('openssl'))
      throw new Skipped('that of Temporal names certificates, and there is no openssl to make any');
    must(join(root, 'deploy/temporal/certificates.sh'), [folder]);
    for (const before of [haproxyOfPatroni(), DEBIAN]) must(haproxy, check(`${before}${haproxyOfTemporal(folder)}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return 'valid, each by itself and together';
}
