import { type Api, OtherEndError } from './api.js';
import type { Output } from './command.js';
import { afterAcceptance } from './email-view.js';
import { printable } from './format.js';

/** Its ends that one hopes for. */
const ARRIVED: readonly string[] = ['delivered', 'opened', 'clicked'];

/**
 * Says each event of an e-mail as it comes, and its status whenever that has changed.
 *
 * @param until a state, or an event; undefined: any end.
 * @throws OtherEndError when it ended otherwise than was waited for, or than one hopes.
 */
export async function* follow(api: Api, id: string, until: string | undefined): AsyncGenerator<Output> {
  const told = new Set<string>();
  let status = '';
  let isThere = false;
  for await (const email of api.follow(id, { until })) {
    const lines: string[] = [];
    for (const { occurred_at, type, provider } of email.events) {
      const line = [occurred_at, afterAcceptance(email, occurred_at).padStart(9), type, provider ?? ''].join('  ');
      if (!told.has(line)) lines.push(line.trimEnd());
      told.add(line);
    }
    if (email.status !== status) lines.push(`${' '.repeat(24)}  ${' '.repeat(9)}  status: ${email.status}`);
    status = email.status;
    isThere =
      until === undefined
        ? ARRIVED.includes(status)
        : status === until || email.events.some(({ type }) => type === until);
    if (lines.length > 0) yield { json: email, text: lines.map(printable).join('\n'), isPiece: true };
  }
  if (!isThere) throw new OtherEndError(`The e-mail is ${status}${until ? `, and was not ${until}` : ''}.`);
}
