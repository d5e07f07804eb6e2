import { readFileSync } from 'node:fs';

/**
 * What Linux tells of a process in `/proc/<pid>/stat`, from its third field on (`proc_pid_stat(5)`): the state comes
 * first. The command's name before it is in parentheses and may hold spaces.
 *
 * @returns undefined when there is no such process, or no `/proc`.
 */
export function procStat(pid: number): string[] | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
