import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOUNDARY, file, multipart, VALID_FIELDS, VALID_PARTS } from '../../../test/support/api.js';
import { forkMeasuredApi, type MeasuredApi } from '../../../test/support/measured/fork-api.js';
import { patient } from '../../../test/support/patience.js';

const MB = 1024 * 1024;
const UPLOADS = 20;

let measured: MeasuredApi;
beforeAll(async () => {
  measured = await forkMeasuredApi();
});
afterAll(() => measured?.stop());

/** The most memory the process has had since the last question, in bytes. */
async function peakBytes(): Promise<number> {
  measured.process.send('measure');
  const [bytes] = (await once(measured.process, 'message')) as [number];
  return bytes;
}

const upload = (body: Buffer, contentType = `multipart/form-data; boundary=${BOUNDARY}`) =>
  new Promise<number | undefined>((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${measured.client.key}`,
      'Content-Type': contentType,
      'Content-Length': body.length,
    };
    const post = request(
      { port: measured.port, host: '127.0.0.1', path: '/api/send', method: 'POST', headers },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      },
    );
    post.on('error', reject).end(body);
  });

const multipartBody = () => multipart([...VALID_PARTS, file('large.bin', Buffer.alloc(18 * MB, 7))]);

function documentBody(): Buffer {
  const content = Buffer.alloc(18 * MB, 7).toString('base64');
  const { content: text, ...fields } = VALID_FIELDS;
  return Buffer.from(
    JSON.stringify({ ...fields, text, attachment: { filename: 'large.bin', content_base64: content } }),
  );
}

it.each<[string, () => Buffer, string | undefined]>([
  ['forms', multipartBody, undefined],
  ['documents', documentBody, 'application/json'],
])(
  'takes twenty %s of 18 MB at once with less than 200 MB of memory more',
  {
    timeout: patient(120_000),
  },
  async (what, bodyOf, contentType) => {
    const body = bodyOf();
    // The first submission loads and compiles what every later one needs.
    expect(await upload(multipart(VALID_PARTS))).toBe(200);
    await peakBytes();
    expect(await upload(multipart(VALID_PARTS))).toBe(200);
    const before = await peakBytes();
    const statuses = await Promise.all(Array.from({ length: UPLOADS }, () => upload(body, contentType)));
    const grownBytes = (await peakBytes()) - before;
    expect(statuses).toEqual(Array(UPLOADS).fill(200));
    expect(grownBytes).toBeLessThan(200 * MB);
    console.info(`${what}: memory grew by ${Math.round(grownBytes / MB)} MB`);
  },
);
