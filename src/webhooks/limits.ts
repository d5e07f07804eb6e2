/** What one request, and all of them together, may cost before anybody knows who sends them. Sizes are bytes. */
export interface WebhookLimits {
  /** The largest body of Mailgun's: one event, as JSON or as a form. */
  readonly mailgunBytes: number;
  /** The largest of its legacy forms with the bounced message attached; of that nothing is kept. */
  readonly mailgunMultipartBytes: number;
  readonly mailgunFields: number;
  /** The largest body of Mandrill's. */
  readonly mandrillBytes: number;
  readonly mandrillFields: number;
  /** Up to here a body is small: nearly every webhook is, and large ones never take its room. */
  readonly smallBytes: number;
  /** All small bodies together, and all large ones, from their first byte to their answer. */
  readonly smallBudgetBytes: number;
  readonly largeBudgetBytes: number;
  /** When a budget is used up, who has been arriving for longer than this makes room for who has just come. */
  readonly patienceMs: number;
  /** Batches larger than a small body that are taken apart and stored at once. */
  readonly largeAtOnce: number;
  /** From the end of the headers to the end of the body. */
  readonly bodyTimeoutMs: number;
  /** A body must bring `progressBytes` in each stretch of `progressWindowMs`, or it is given up. */
  readonly progressWindowMs: number;
  readonly progressBytes: number;
  /** From the connection to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** Beyond this the connection goes that has been of no use for the longest. */
  readonly connections: number;
  /** How much, and for how long, is read of a body that was answered before its end, so that its sender sees why. */
  readonly leftoverBytes: number;
  readonly leftoverMs: number;
  /** Opens by our own pixel that are recorded at once, and that wait for it: webhooks need the connections more. */
  readonly pixelsAtOnce: number;
  readonly pixelsWaiting: number;
}

const KB = 1024;
const MB = 1024 * KB;

export const WEBHOOK_LIMITS: WebhookLimits = {
  // Events are a few kilobytes; one to a thousand receivers lists them all.
  mailgunBytes: MB,
  // Mailgun takes messages of 25 MB.
  mailgunMultipartBytes: 32 * MB,
  // Each of the sender's variables is a field; all of them together have at most 16 KB.
  mailgunFields: 500,
  // At most 1,000 events of about 3 KB each as JSON, twice that as a form.
  mandrillBytes: 16 * MB,
  mandrillFields: 16,
  smallBytes: 64 * KB,
  smallBudgetBytes: 32 * MB,
  largeBudgetBytes: 64 * MB,
  // To keep a slow genuine batch out, somebody has to send 32 MB in each second of it.
  patienceMs: 2_000,
  // JSON of 16 MB becomes some 100 MB of objects.
  largeAtOnce: 2,
  bodyTimeoutMs: 60_000,
  progressWindowMs: 5_000,
  progressBytes: 4 * KB,
  headersTimeoutMs: 10_000,
  connections: 2_000,
  leftoverBytes: 32 * MB,
  leftoverMs: 10_000,
  pixelsAtOnce: 3,
  pixelsWaiting: 1_000,
};
