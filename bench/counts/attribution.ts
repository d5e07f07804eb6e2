import type { LoggedTransaction } from './statement-log.js';

/** One e-mail on its way, and when nothing else was: e-mails are counted one after the other. */
export interface Course {
  readonly emailId: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * What loops ask about the newest e-mails, however many there are: a cost of time, and so of the machine. Once a second,
 * as often as it takes them to their first call (`readWays`), and every ten seconds (`guardAgainstOlderRecord`).
 */
const BY_TIME = [/\sas s \(email_id, at_ms\)/, /\bfrom unnest\(\$\d+::uuid\[\]\) id\b/];

/** What a transaction asks: loops ask the same again and again, in whatever process. */
const signatureOf = ({ statements }: LoggedTransaction) => statements.join('\n');

/** Our processes' transactions, without what goes by time alone. */
function ofOurs(log: readonly LoggedTransaction[]): LoggedTransaction[] {
  return log.filter(
    ({ application, statements }) =>
      application.startsWith('tempost-') && !statements.some((text) => BY_TIME.some((known) => known.test(text))),
  );
}

/**
 * Which transactions are an e-mail's: those with its id among their parameters, whenever they run, and those within its
 * time that name no e-mail (who submits is looked up, a rate is asked for), unless the system asks just that while it
 * idles.
 *
 * @param idle when no e-mail was on its way.
 * @returns by e-mail.
 */
export function attribute(
  log: readonly LoggedTransaction[],
  courses: readonly Course[],
  idle: Pick<Course, 'fromMs' | 'untilMs'>,
): Map<string, LoggedTransaction[]> {
  const within = ({ startedAtMs }: LoggedTransaction, { fromMs, untilMs }: Omit<Course, 'emailId'>) =>
    startedAtMs >= fromMs && startedAtMs <= untilMs;
  const ours = ofOurs(log);
  const loops = new Set(ours.filter((transaction) => within(transaction, idle)).map(signatureOf));
  const attributed = new Map<string, LoggedTransaction[]>(courses.map(({ emailId }) => [emailId, []]));
  for (const transaction of ours) {
    const named = courses.filter(({ emailId }) => transaction.parameters.includes(emailId));
    const meant =
      named.length > 0 || loops.has(signatureOf(transaction))
        ? named
        : courses.filter((course) => within(transaction, course));
    for (const { emailId } of meant) attributed.get(emailId)!.push(transaction);
  }
  return attributed;
}
