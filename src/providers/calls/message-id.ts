/** A Message-ID without its angle brackets, as webhooks, searches and our record have it. */
export function withoutBrackets(messageId: string): string {
  return messageId.trim().replace(/^<(.*)>$/, '$1');
}
