import { Agent, request } from 'node:http';
import type { Priority } from '../../src/priority.js';

const BOUNDARY = 'tempost-bench';
/** What a typical transactional e-mail holds. */
const CONTENT = `<html><body>${'<p>Thank you for your order. It will be with you soon.</p>'.repeat(16)}</body></html>`;

export interface Submission {
  readonly priority: Priority;
  readonly receiver: string;
  readonly attachment?: Buffer;
}

export interface Submitted {
  readonly id: string;
  readonly createdAtMs: number;
}

/** Submits e-mails by HTTP at little cost for the machine that is measured: connections are kept, bodies are bytes. */
export class Submitter {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(
    private readonly api: string,
    private readonly key: string,
  ) {}

  /** @throws Error when it is not accepted. */
  async submit(submission: Submission): Promise<Submitted> {
    const { status, body } = await this.post(submission);
    if (status !== 200) throw new Error(`submission answered with ${status}: ${body}`);
    const { id, created_at } = JSON.parse(body) as { id: string; created_at: string };
    return { id, createdAtMs: Date.parse(created_at) };
  }

  /** @returns the answer, whatever it is. */
  post(submission: Submission): Promise<{ status: number; body: string }> {
    const body = encode(submission);
    return new Promise((resolve, reject) => {
      const call = request(`${this.api}/api/send`, {
        method: 'POST',
        agent: this.agent,
        headers: {
          authorization: `Bearer ${this.key}`,
          'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
          'content-length': body.length,
        },
      });
      call.on('error', reject).on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text })).on('error', reject);
      });
      call.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function encode({ priority, receiver, attachment }: Submission): Buffer {
  const fields = {
    sender: 'shop@example.com',
    receiver,
    subject: 'Your order',
    content: CONTENT,
    content_type: 'text/html',
    priority,
  };
  const head = Object.entries(fields)
    .map(([name, value]) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
    .join('');
  if (!attachment) return Buffer.from(`${head}--${BOUNDARY}--\r\n`);
  const part = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="attachment"; filename="invoice.pdf"\r\ncontent-type: application/pdf\r\n\r\n`;
  return Buffer.concat([Buffer.from(head + part), attachment, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}
