import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Submission } from './message.js';

/** The bodies of one call, as it gave them: without the pixel that the mail in the inbox has. */
export type Content = Pick<Submission, 'text' | 'html'>;

/** As many as the inbox keeps mails. */
const KEPT = 2000;

/** What calls asked to send, one file a message, for whoever looks at what was sent. Older ones make room. */
export class Contents {
  private readonly kept = new Set<string>();

  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true });
    for (const name of readdirSync(dir)) this.kept.add(name.replace(/\.json$/, ''));
  }

  async keep(messageId: string, { text, html }: Content): Promise<void> {
    await writeFile(this.path(messageId), JSON.stringify({ text, html }));
    this.kept.add(messageId);
    const [oldest] = this.kept;
    if (this.kept.size > KEPT && oldest !== undefined) await this.drop(oldest);
  }

  /** @returns undefined for one that is not kept (any more). */
  async of(messageId: string): Promise<Content | undefined> {
    if (!this.kept.has(messageId)) return undefined;
    try {
      return JSON.parse(await readFile(this.path(messageId), 'utf8')) as Content;
    } catch {
      // Dropped meanwhile, or its writing was cut off by a crash.
      return undefined;
    }
  }

  /** Forgets those that are of no message. */
  retain(isKnown: (messageId: string) => boolean): void {
    for (const id of this.kept) {
      if (isKnown(id)) continue;
      this.kept.delete(id);
      rmSync(this.path(id), { force: true });
    }
  }

  private async drop(messageId: string): Promise<void> {
    this.kept.delete(messageId);
    await rm(this.path(messageId), { force: true });
  }

  private path(messageId: string): string {
    return join(this.dir, `${messageId}.json`);
  }
}
