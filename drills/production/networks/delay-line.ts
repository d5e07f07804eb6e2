import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { must } from '../../../deploy/check/run.js';
import { programHere } from '../installs.js';

const PROGRAM = fileURLToPath(new URL('delay-line.py', import.meta.url));

/** How a line is between two machines, one way. */
export interface Line {
  readonly delayS: number;
  /** 0: no limit. */
  readonly bytesPerS: number;
}

/**
 * A second way from machines to others, which holds packets back. A proxy could do that, too, but would answer for the
 * far end: a connection whose far end has gone would never be noticed. Here packets pass as they are.
 */
export class DelayLine {
  private constructor(
    private readonly child: ChildProcess,
    private readonly exited: Promise<unknown>,
  ) {}

  /**
   * @param bridge where what has been held back goes on.
   * @param links our ends of the machines' second cables.
   */
  static async start(bridge: string, links: readonly string[]): Promise<DelayLine> {
    const [into, out] = [`${bridge}o`, `${bridge}p`];
    must('ip', ['link', 'add', into, 'type', 'veth', 'peer', 'name', out]);
    must('ip', ['link', 'set', out, 'master', bridge, 'up']);
    must('ip', ['link', 'set', into, 'up']);
    const python = programHere('python3', 'python3');
    const child = spawn(python, [PROGRAM, into, ...links], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const exited = once(child, 'exit');
    const ready = once(child.stdout!, 'data');
    const ended = await Promise.race([ready.then(() => false), exited.then(() => true)]);
    if (ended) throw new Error('the delay line has ended at once');
    return new DelayLine(child, exited);
  }

  /** How it is from now on between the end of a second cable and an address. */
  set(link: string, to: string, { delayS, bytesPerS }: Line): void {
    this.child.stdin!.write(`${JSON.stringify({ link, to, delay_s: delayS, bytes_per_s: bytesPerS })}\n`);
  }

  async end(bridge: string): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    must('ip', ['link', 'del', `${bridge}o`]);
  }
}
