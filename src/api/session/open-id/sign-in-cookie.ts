import { z } from 'zod';
import type { ApiContext } from '../../routing/route.js';
import type { SignIn } from './identity-provider.js';

/** A sign-in that has begun, and where its owner wanted to be. */
export interface BegunSignIn extends SignIn {
  readonly returnTo: string;
}

const COOKIE = 'tempost_sign_in';
const COOKIE_PATH = '/api/session/open-id';
/** How long somebody may take to sign in elsewhere. */
const LASTS_S = 10 * 60;

const begun = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), returnTo: z.string() });

/**
 * Has the browser keep a sign-in: so any process can finish it, and none is remembered for strangers. No script can read
 * it. Another site's page sends it along only where it leads the browser here, as the identity provider does.
 */
export function setSignInCookie(ctx: ApiContext, signIn: BegunSignIn | null, isHttps: boolean): void {
  const text = signIn ? Buffer.from(JSON.stringify(signIn)).toString('base64url') : '';
  const parts = [
    `${COOKIE}=${text}`,
    `Path=${COOKIE_PATH}`,
    `Max-Age=${signIn ? LASTS_S : 0}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(isHttps ? ['Secure'] : []),
  ];
  ctx.append('Set-Cookie', parts.join('; '));
}

/** The sign-in that this browser has begun; undefined when it has not, or is not to be understood. */
export function signInOf(ctx: ApiContext): BegunSignIn | undefined {
  try {
    const text = Buffer.from(ctx.cookies.get(COOKIE) ?? '', 'base64url').toString();
    const { returnTo, ...signIn } = begun.parse(JSON.parse(text));
    return { ...signIn, returnTo: ownPath(returnTo) };
  } catch {
    return undefined;
  }
}

const CONSOLE = '/console';
const LONGEST_PATH = 2_000;

/** An address within the console, as browsers would read it; what is none of ours leads to its first screen. */
export function ownPath(text: unknown): string {
  const base = 'http://own.invalid';
  if (typeof text !== 'string' || text.length > LONGEST_PATH || !URL.canParse(text, base)) return CONSOLE;
  const { origin, pathname, search, hash } = new URL(text, base);
  const isOwn = origin === base && (pathname === CONSOLE || pathname.startsWith(`${CONSOLE}/`));
  return isOwn ? `${pathname}${search}${hash}` : CONSOLE;
}
