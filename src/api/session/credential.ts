import type { Context } from 'koa';
import { hashKey } from '../../domain/clients/key-text.js';
import { Problem } from '../../http/problem.js';

/** What a request shows to say who it is: a program its key, the console's browser its session or how it signs in. */
export interface Credential {
  readonly kind: 'key' | 'session' | 'link';
  readonly text: string;
}

/** The name of the cookie. Of these paths alone, because the console's own files need nobody's name. */
const COOKIE = 'tempost_session';
const COOKIE_PATH = '/api';

/** What a request shows; a key before a session. */
export function credentialIn(ctx: Context): Credential | undefined {
  const authorization = ctx.get('Authorization');
  if (authorization) {
    const key = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    return key === undefined ? undefined : { kind: 'key', text: key };
  }
  const token = sessionIn(ctx);
  return token === undefined ? undefined : { kind: 'session', text: token };
}

/** The session that a browser brings. */
export const sessionIn = (ctx: Context): string | undefined => ctx.cookies.get(COOKIE) || undefined;

/** Its hash, for what is remembered in memory: never keys or tokens themselves. */
export const fingerprintOf = ({ kind, text }: Credential): string => `${kind} ${hashKey(text).toString('base64')}`;

/**
 * Has a browser keep a session, or forget it. No script can read it, and no other site's page has it sent along. Over
 * https it is never sent over http: which of them it is, the browser says by the page's origin, since a proxy may be
 * between, where the one who calls does not know.
 */
export function setSessionCookie(
  ctx: Context,
  token: string | null,
  expires?: Date,
  isHttps = ctx.get('Origin').startsWith('https://'),
): void {
  const parts = [
    `${COOKIE}=${token ?? ''}`,
    `Path=${COOKIE_PATH}`,
    token === null ? 'Max-Age=0' : `Expires=${expires!.toUTCString()}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(isHttps ? ['Secure'] : []),
  ];
  ctx.append('Set-Cookie', parts.join('; '));
}

/**
 * Whether a request that a browser makes by itself comes from a page of ours. Browsers say where from in
 * `Sec-Fetch-Site`, over http to another host than localhost only in `Origin`. A page that is opened by hand says `none`.
 *
 * @throws Problem 403 for another site's, and for one that changes something and does not say.
 */
export function refuseOtherSites(ctx: Context): void {
  const site = ctx.get('Sec-Fetch-Site');
  const origin = ctx.get('Origin');
  const reads = ctx.method === 'GET' || ctx.method === 'HEAD';
  if (site) {
    if (site === 'same-origin' || (site === 'none' && reads)) return;
  } else if (origin ? isOwn(origin, ctx.host) : reads) return;
  throw crossSite();
}

/** Before a session begins: from nowhere is fine, that is no browser. @throws Problem 403. */
export function refuseOtherSitesPages(ctx: Context): void {
  if (ctx.get('Sec-Fetch-Site') || ctx.get('Origin')) refuseOtherSites(ctx);
}

function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

const crossSite = () =>
  new Problem(403, 'cross_site_request', 'A session is only for pages of this address. Programs use a key.');
