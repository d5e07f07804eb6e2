import { request } from 'node:http';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Sends the webhooks service what nobody signed, at a rate of bytes, from one message of the bench to the next; then
 * says what became of it. A process of its own, so that its work does not delay the webhooks that are measured.
 */
const { WEBHOOKS_PORT, BYTES_PER_S } = process.env;
const port = Number(WEBHOOKS_PORT);
const bytesPerS = Number(BYTES_PER_S);

const KB = 1024;
const MB = 1024 * KB;
/** Of the right shape, made with no key. */
const MADE_UP = 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=';
const FORM = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data; boundary=b';

/** Who sends side by side, each an equal share of the bytes. */
const SENDERS = 8;
const PIECE_BYTES = 64 * KB;
/** Begin a body, or headers, and say nothing more; each begins again when it is cut off. */
const STALLED_BODIES = 29;
const STALLED_HEADERS = 50;

interface Attack {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
}

const repeated = (text: string, sizeBytes: number) => Buffer.alloc(sizeBytes, text);
const part = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n';
const unsigned = { timestamp: '1790000000', token: 'x'.repeat(50), signature: 'a'.repeat(64) };
const small = { signature: unsigned, 'event-data': { event: 'opened', filler: 'x'.repeat(3_000) } };

const ATTACKS: readonly Attack[] = [
  { path: 'mandrill', type: FORM, body: repeated('a&', 16 * MB) },
  { path: 'mandrill', type: FORM, body: Buffer.concat([Buffer.from('mandrill_events='), repeated('%5B', 15 * MB)]) },
  { path: 'mandrill', type: MULTIPART, body: repeated(part, 4 * MB) },
  { path: 'mailgun', type: FORM, body: repeated('a&', MB) },
  { path: 'mailgun', type: MULTIPART, body: repeated(part, 4 * MB) },
  { path: 'mailgun', type: MULTIPART, body: Buffer.concat([Buffer.from(part), repeated('\r\n--', 16 * MB)]) },
  {
    path: 'mailgun',
    type: 'application/json',
    body: Buffer.concat([Buffer.from('{"event-data":{"a":['), repeated('{},', MB / 2)]),
  },
  // As many small ones as a large one has bytes would be another bench: a hundred for each of the others.
  ...Array.from({ length: 100 }, () => ({
    path: 'mailgun',
    type: 'application/json',
    body: Buffer.from(JSON.stringify(small)),
  })),
];

let running = true;
let sentBytes = 0;
let requests = 0;
/** By status, or `cut off`. */
const answers: Record<string, number> = {};
const count = (answer: string | number) => {
  answers[answer] = (answers[answer] ?? 0) + 1;
};

/** Sends a body at this sender's share of the rate. */
async function send({ path, type, body }: Attack): Promise<void> {
  const headers = { 'content-type': type, 'content-length': body.length, 'x-mandrill-signature': MADE_UP };
  const call = request({ port, host: '127.0.0.1', path: `/webhooks/${path}`, method: 'POST', headers, agent: false });
  requests++;
  let isOver = false;
  const answered = new Promise<void>((resolve) => {
    const end = (answer: string | number) => {
      if (!isOver) count(answer);
      isOver = true;
      resolve();
    };
    call.on('response', (response) => response.resume().on('end', () => end(response.statusCode ?? 0)));
    call.on('error', () => end('cut off')).on('close', () => end('cut off'));
  });
  for (let at = 0; at < body.length && running && !call.destroyed; at += PIECE_BYTES) {
    const piece = body.subarray(at, at + PIECE_BYTES);
    sentBytes += piece.length;
    if (!call.write(piece)) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), answered]);
    await delay((piece.length / (bytesPerS / SENDERS)) * 1000);
  }
  call.end();
  await Promise.race([answered, delay(2_000)]);
  call.destroy();
}

async function sendOn(first: number): Promise<void> {
  for (let n = first; running; n++) await send(ATTACKS[n % ATTACKS.length]!);
}

/** Begins and says nothing more. */
function stall(head: string, body: Buffer): void {
  if (!running) return;
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(() => stall(head, body), 100));
  socket.resume();
  socket.write(head);
  socket.write(body);
  sentBytes += body.length;
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
}
const sockets = new Set<net.Socket>();

function begin(): void {
  const head = 'POST /webhooks/mandrill HTTP/1.1\r\nHost: x\r\n';
  const announced = `${head}X-Mandrill-Signature: ${MADE_UP}\r\nContent-Type: ${FORM}\r\nContent-Length: ${16 * MB}\r\n\r\n`;
  for (let n = 0; n < STALLED_BODIES; n++) stall(announced, repeated('x', MB));
  for (let n = 0; n < STALLED_HEADERS; n++) stall(head, Buffer.alloc(0));
  for (let n = 0; n < SENDERS; n++) void sendOn(n);
}

process.on('message', (message) => {
  if ((message as { begin?: true }).begin) {
    begin();
    process.send!('begun');
    return;
  }
  running = false;
  for (const socket of sockets) socket.destroy();
  process.send!({ sentBytes, requests, answers });
});
process.send!('ready');
