import { freePorts } from '../ports.js';
import { type Balancer, startBalancer } from '../servers/balancer.js';
import { second } from './processes.js';

/** Services that others connect to: two of them need two ports, and a balancer on the one that is known. */
const SERVICES = [
  ['api', 'API_PORT'],
  ['webhooks', 'WEBHOOKS_PORT'],
] as const;

/** The balancers of a system with two of every process. */
export interface Pairs {
  /** What one process is told beside all others, by its instance: the port of its own. */
  readonly envOf: ReadonlyMap<string, Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

/** Starts what stands before two copies. @param name whose copies they are. */
export type StartBalancer = (port: number, copies: readonly number[], name: 'api' | 'webhooks') => Promise<Balancer>;

/**
 * @param ports where clients and providers connect.
 * @param start what stands before each pair.
 * @throws what one of them fails with; then the other one is ended.
 */
export async function balancePairs(
  ports: Readonly<Record<'api' | 'webhooks', number>>,
  start: StartBalancer = startBalancer,
): Promise<Pairs> {
  const envOf = new Map<string, Readonly<Record<string, string>>>();
  const started = await Promise.allSettled(
    SERVICES.map(async ([name, variable]) => {
      const copies = await freePorts(2);
      [name, second(name)].forEach((instance, n) => {
        envOf.set(instance, { [variable]: String(copies[n]) });
      });
      return start(ports[name], copies, name);
    }),
  );
  const balancers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const close = async () => void (await Promise.all(balancers.map((balancer) => balancer.close())));
  const failed = started.find((one) => one.status === 'rejected');
  if (!failed) return { envOf, close };
  await close();
  throw failed.reason;
}
