/** Whether a text is a `traceparent` of W3C Trace Context, version 00: what comes from outside is nothing else. */
export function isTraceparent(text: string | undefined): text is string {
  return !!text && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text);
}

/**
 * The trace of an e-mail whose record names none: one that was accepted while traces were off, or that we made ourselves.
 * It is made from the e-mail's id, so that all processes mean the same.
 */
export function traceparentOf(emailId: string): string {
  const id = emailId.replaceAll('-', '');
  return `00-${id}-${id.slice(-16)}-01`;
}

/** A `traceparent` taken apart. */
export function readTraceparent(text: string): { traceId: string; spanId: string; traceFlags: number } {
  const [, traceId, spanId, flags] = text.split('-') as [string, string, string, string];
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}
