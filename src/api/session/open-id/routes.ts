import { admitPerson } from '../../../domain/sessions/persons.js';
import { beginSession } from '../../../domain/sessions/sessions.js';
import { Problem } from '../../../http/problem.js';
import type { OpenIdSettings } from '../../../open-id-settings.js';
import type { ApiDependencies } from '../../dependencies.js';
import { networkOf } from '../../rate-limits/guesses.js';
import { type ApiContext, route } from '../../routing/route.js';
import { setSessionCookie } from '../credential.js';
import { clientNameOf, nameIn, roleIn } from './claims.js';
import { type IdentityProvider, SignInFailure } from './identity-provider.js';
import { type BegunSignIn, ownPath, setSignInCookie, signInOf } from './sign-in-cookie.js';

/** Signing in to the console at an identity provider. A browser is led there and back, so each refusal is a page. */

/** Why somebody is not signed in, as the console is told it: it has the words. */
type NotSignedIn = 'unavailable' | 'refused' | 'no_role' | 'not_admitted' | 'busy';

const LED = { status: 303, description: 'Where the browser is to go: `Location`.' } as const;
const HEADERS = { Location: 'Where to go.', 'Set-Cookie': 'What is kept meanwhile, or the session.' };

const begin = route({
  method: 'get',
  path: '/api/session/open-id',
  operationId: 'beginOpenIdSignIn',
  summary: 'Sign in at the identity provider',
  description: [
    'For browsers, which are led there; `return_to` is where in the console they want to be. If the identity provider',
    'cannot be reached they are led to the console’s own page, which says so. 404 where there is none (`OIDC_ISSUER`).',
  ].join(' '),
  tag: 'Console',
  access: 'public',
  answer: { ...LED, headers: HEADERS },
  problems: ['not_found'],
  handle: async (_input, ctx, api) => {
    const { provider, isHttps } = configured(api);
    try {
      const { address, signIn } = await provider.begin();
      setSignInCookie(ctx, { ...signIn, returnTo: ownPath(ctx.query.return_to) }, isHttps);
      leadTo(ctx, address);
    } catch (error) {
      refuse(ctx, api, error);
    }
  },
});

const finish = route({
  method: 'get',
  path: '/api/session/open-id/callback',
  operationId: 'finishOpenIdSignIn',
  summary: 'Come back from the identity provider',
  description: [
    'The identity provider leads browsers here. Whoever has a role by their claims is signed in and led to the console;',
    'anybody else is led to its page for signing in, which says why not.',
  ].join(' '),
  tag: 'Console',
  access: 'public',
  answer: { ...LED, headers: HEADERS },
  problems: ['not_found', 'database_unavailable'],
  audit: { byHand: 'key.sign_in' },
  handle: async (_input, ctx, api) => {
    const { provider, isHttps, settings } = configured(api);
    const address = api.addressOf(ctx);
    const begun = signInOf(ctx);
    // It is for one try: whoever comes back a second time begins anew.
    setSignInCookie(ctx, null, isHttps);
    try {
      if (!begun) throw new SignInFailure('refused', 'not_begun_here');
      // Before anybody else is asked. Whoever makes up both, cookie and address, is counted among those who guess.
      if (ctx.query.state !== begun.state) throw new SignInFailure('refused', 'another_state');
      if (api.failedSignIns.waitMs(address, '') > 0) return leadTo(ctx, pageFor('busy'));
      const finishing = api.signIns.run(networkOf(address), () =>
        signInPerson(ctx, api, { provider, settings, begun }),
      );
      if (!finishing) return leadTo(ctx, pageFor('busy'));
      const { token, expiresAt } = await finishing;
      setSessionCookie(ctx, token, expiresAt, isHttps);
      leadTo(ctx, begun.returnTo);
    } catch (error) {
      if (error instanceof SignInFailure && error.kind === 'refused') api.failedSignIns.wrong(address, '');
      refuse(ctx, api, error);
    }
  },
});

/** Not let in, though the identity provider knows them. */
class NotAdmitted extends Error {
  constructor(readonly why: Extract<NotSignedIn, 'no_role' | 'not_admitted'>) {
    super(why);
  }
}

interface Coming {
  readonly provider: IdentityProvider;
  readonly settings: OpenIdSettings;
  readonly begun: BegunSignIn;
}

/** Asks who it is, and signs them in as a key of theirs would be. */
async function signInPerson(ctx: ApiContext, api: ApiDependencies, { provider, settings, begun }: Coming) {
  const claims = await provider.finish(ctx.querystring, begun);
  const role = roleIn(claims, settings);
  if (!role) throw new NotAdmitted('no_role');
  const { requestId } = ctx.state;
  const person = { issuer: claims.iss, subject: claims.sub, name: nameIn(claims), role };
  const from = { address: api.addressOf(ctx), requestId };
  const admitted = await admitPerson(api.db, person, clientNameOf(claims.iss), from);
  if (!admitted) throw new NotAdmitted('not_admitted');
  api.logger.info({ requestId, ...admitted, by: 'open_id' }, 'signed in to the console');
  return beginSession(api.db, admitted.keyId);
}

/** Says on the console's own page why nobody is signed in; what is our own fault is a problem as anywhere else. */
function refuse(ctx: ApiContext, { logger }: ApiDependencies, error: unknown): void {
  const why = whyOf(error);
  if (!why) throw error;
  const code = error instanceof SignInFailure ? error.code : why;
  logger.warn({ requestId: ctx.state.requestId, why, code }, 'nobody is signed in by the identity provider');
  leadTo(ctx, pageFor(why));
}

function whyOf(error: unknown): NotSignedIn | undefined {
  if (error instanceof SignInFailure) return error.kind;
  return error instanceof NotAdmitted ? error.why : undefined;
}

const pageFor = (why: NotSignedIn) => `/console/sign-in?problem=${why}`;

function leadTo(ctx: ApiContext, address: string): void {
  ctx.set('Location', address);
  ctx.set('Cache-Control', 'no-store');
  // Without it koa would write the status's name.
  ctx.body = null;
}

function configured({ identityProvider, openId }: ApiDependencies) {
  if (!identityProvider || !openId)
    throw new Problem(404, 'not_found', 'There is no identity provider: sign in by key.');
  return { provider: identityProvider, settings: openId, isHttps: openId.consoleUrl.startsWith('https:') };
}

export const openIdRoutes = [begin, finish];
