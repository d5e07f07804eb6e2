import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';

/** A TCP connection as one of its ends knows it. */
export interface Connection {
  /** `address:port` of the end that was asked. */
  readonly local: string;
  readonly remote: string;
}

/**
 * The established connections of a network namespace, without those of loopback.
 *
 * @param pid a process in it.
 */
export function connectionsOf(pid: number): Connection[] {
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[3] === ESTABLISHED)
    .map((cells) => ({ local: addressOf(cells[1]!), remote: addressOf(cells[2]!) }))
    .filter(({ remote }) => !remote.startsWith('127.'));
}

/** As the kernel writes it: hexadecimal, and of each four bytes the last one first. IPv4 in IPv6 is at its end. */
function addressOf(cell: string): string {
  const [address, port] = cell.split(':') as [string, string];
  const bytes = Buffer.from(address.slice(-8), 'hex').reverse();
  return `${bytes.join('.')}:${Number.parseInt(port, 16)}`;
}

/** Resident memory of a process in MiB. */
export function memoryMib(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kb) / 1024);
}
