import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AcceptanceLine, acceptanceLine } from './acceptance.js';
import { Contents } from './contents.js';
import { Journal } from './journal.js';
import type { Happening, Message, MessageEvent } from './message.js';

type Entry =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'event'; readonly event: MessageEvent }
  /** The webhook of this event is done with: confirmed, lost on purpose, or given up. */
  | { readonly kind: 'told'; readonly eventId: string };

/** As long as Mailgun keeps its events. */
const KEPT_MS = 3 * 24 * 60 * 60 * 1000;

/**
 * What the sandbox remembers: messages, what happened to them, and which webhooks are still owed. In memory for
 * reading, in `journal.jsonl` for a restart; the raw mail of what is yet to reach the inbox lies in `outgoing/`, the
 * bodies of the newest calls in `contents/`.
 */
export class Store {
  private readonly messages = new Map<string, Message>();
  /** All attempts of a generation share one. */
  private readonly byMessageIdHeader = new Map<string, Message[]>();
  private readonly events = new Map<string, MessageEvent[]>();
  private readonly owed = new Map<string, MessageEvent>();
  readonly outgoingDir: string;
  readonly contents: Contents;
  private readonly journal: Journal<Entry>;
  private readonly acceptanceLog: Journal<AcceptanceLine>;

  constructor(dir: string) {
    this.outgoingDir = join(dir, 'outgoing');
    mkdirSync(this.outgoingDir, { recursive: true });
    this.contents = new Contents(join(dir, 'contents'));
    const { journal, entries } = Journal.open<Entry>(join(dir, 'journal.jsonl'));
    this.journal = journal;
    for (const entry of entries) this.apply(entry);
    const acceptance = Journal.open<AcceptanceLine>(join(dir, 'acceptance.jsonl'));
    this.acceptanceLog = acceptance.journal;
    this.repairAcceptance(acceptance.entries);
    this.compact();
  }

  /** Whatever was journalled has been taken: a crash between the two writes must not hide it from the acceptance log. */
  private repairAcceptance(lines: readonly AcceptanceLine[]): void {
    const logged = new Set(lines.map((line) => line.id));
    for (const message of this.messages.values()) {
      if (message.refusal === null && !logged.has(message.id)) this.acceptanceLog.append(acceptanceLine(message));
    }
  }

  private compact(): void {
    const oldestMs = Date.now() - KEPT_MS;
    for (const message of this.messages.values()) {
      const events = this.eventsOf(message.id);
      if (message.acceptedAtMs > oldestMs || events.some((event) => this.owed.has(event.id))) continue;
      this.messages.delete(message.id);
      this.events.delete(message.id);
    }
    this.byMessageIdHeader.clear();
    const entries: Entry[] = [];
    for (const message of this.messages.values()) {
      push(this.byMessageIdHeader, message.messageIdHeader, message);
      entries.push({ kind: 'message', message });
      for (const event of this.eventsOf(message.id)) {
        entries.push({ kind: 'event', event });
        if (event.webhook && !this.owed.has(event.id)) entries.push({ kind: 'told', eventId: event.id });
      }
    }
    this.journal.rewrite(entries);
    this.contents.retain((id) => this.messages.has(id));
    for (const name of readdirSync(this.outgoingDir)) {
      const id = name.replace(/\.eml$/, '');
      if (!this.messages.has(id) || this.hasHappened(id, 'delivered')) rmSync(join(this.outgoingDir, name));
    }
  }

  private write(entry: Entry): void {
    this.journal.append(entry);
    this.apply(entry);
  }

  private apply(entry: Entry): void {
    if (entry.kind === 'message') {
      this.messages.set(entry.message.id, entry.message);
      push(this.byMessageIdHeader, entry.message.messageIdHeader, entry.message);
    } else if (entry.kind === 'event') {
      push(this.events, entry.event.messageId, entry.event);
      if (entry.event.webhook) this.owed.set(entry.event.id, entry.event);
    } else {
      this.owed.delete(entry.eventId);
    }
  }

  /**
   * Takes a message: from here on it is the sandbox's. The raw mail is on disk first, then the journal, then the
   * acceptance log; the caller answers afterwards.
   *
   * @param mail the whole mail for the inbox; null when none is to be delivered there.
   */
  async take(message: Message, mail: Buffer | null): Promise<void> {
    if (mail) await writeFile(this.mailPath(message.id), mail);
    this.write({ kind: 'message', message });
    if (message.refusal === null) this.acceptanceLog.append(acceptanceLine(message));
  }

  /** Where the raw mail of a message waits for the inbox. */
  mailPath(messageId: string): string {
    return join(this.outgoingDir, `${messageId}.eml`);
  }

  hasMail(messageId: string): boolean {
    return existsSync(this.mailPath(messageId));
  }

  /** Forgets the raw mail: the inbox has it. */
  async dropMail(messageId: string): Promise<void> {
    await rm(this.mailPath(messageId), { force: true });
  }

  addEvent(event: MessageEvent): void {
    if (this.messages.has(event.messageId)) this.write({ kind: 'event', event });
  }

  markTold(eventId: string): void {
    if (this.owed.has(eventId)) this.write({ kind: 'told', eventId });
  }

  isOwed(eventId: string): boolean {
    return this.owed.has(eventId);
  }

  owedWebhooks(): MessageEvent[] {
    return [...this.owed.values()];
  }

  message(id: string): Message | undefined {
    return this.messages.get(id);
  }

  /** Oldest first. */
  allMessages(): Message[] {
    return [...this.messages.values()];
  }

  /** Oldest first; the Message-ID with angle brackets. */
  messagesOfHeader(messageIdHeader: string): readonly Message[] {
    return this.byMessageIdHeader.get(messageIdHeader) ?? [];
  }

  /** The newest message of an e-mail of the product. */
  messageOfEmail(emailId: string): Message | undefined {
    return this.allMessages().findLast((message) => message.emailId === emailId);
  }

  eventsOf(messageId: string): readonly MessageEvent[] {
    return this.events.get(messageId) ?? [];
  }

  hasHappened(messageId: string, type: Happening): boolean {
    return this.eventsOf(messageId).some((event) => event.type === type);
  }

  /** The acceptance log, from memory: one line per accepted call that is still remembered. */
  acceptance(emailId?: string): AcceptanceLine[] {
    return this.allMessages()
      .filter((message) => message.refusal === null && (emailId === undefined || message.emailId === emailId))
      .map(acceptanceLine);
  }

  /** Forgets everything. */
  reset(): void {
    this.messages.clear();
    this.byMessageIdHeader.clear();
    this.events.clear();
    this.owed.clear();
    this.journal.clear();
    this.acceptanceLog.clear();
    this.contents.retain(() => false);
    for (const name of readdirSync(this.outgoingDir)) rmSync(join(this.outgoingDir, name), { force: true });
  }

  close(): void {
    this.journal.close();
    this.acceptanceLog.close();
  }
}

function push<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
