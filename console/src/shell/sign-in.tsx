import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { call } from '../api/call.js';
import { wordsOf } from '../ui/states.js';
import { Brand } from './brand.js';

/** Why the identity provider's sign-in came to nothing, as the api says it in the address. */
const PROBLEMS: Readonly<Record<string, string>> = {
  unavailable: 'The identity provider cannot be reached now. Try again in a moment, or sign in with an API key.',
  refused: 'That sign-in was not finished, or is too old. Try again.',
  no_role: 'You are known there, and have no role in Tempost. Ask whoever manages its roles to give you one.',
  not_admitted: 'Signing in there is switched off, or too many people have. Ask an administrator of Tempost.',
  busy: 'Too many people are signing in at this moment. Try again.',
};

interface Landing {
  /** Where they wanted to be. */
  readonly path: string;
  /** Of an address that signs in once: behind its `#`, so that it is in no log. */
  readonly token?: string;
  readonly problem?: string;
}

/** What the address says of signing in, which is taken out of it at once. */
function land(): Landing {
  const { pathname, search, hash } = window.location;
  if (!pathname.startsWith('/console/sign-in')) return { path: `${pathname}${search}${hash}` };
  const problem = PROBLEMS[new URLSearchParams(search).get('problem') ?? ''];
  window.history.replaceState(null, '', '/console');
  return { path: '/console', token: hash.slice(1) || undefined, problem };
}

const { path, token, problem } = land();

export function SignIn() {
  const queries = useQueryClient();
  const tried = useRef(false);
  const { data: provider } = useQuery({
    queryKey: ['session', 'identity provider'],
    queryFn: async () => (await call('getSession', {})).identity_provider,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { mutate, error, isPending } = useMutation({
    mutationFn: (body: { readonly key?: string; readonly token?: string }) => call('beginSession', { body }),
    onSuccess: ({ session }) => queries.setQueryData(['session'], session),
  });
  useEffect(() => {
    if (!token || tried.current) return;
    tried.current = true;
    mutate({ token });
  }, [mutate]);
  return (
    <main className="sign-in">
      <form
        className="sign-in-card"
        onSubmit={(event) => {
          event.preventDefault();
          mutate({ key: String(new FormData(event.currentTarget).get('key')).trim() });
        }}
      >
        <Brand />
        <h1>Sign in</h1>
        {problem && !error && (
          <p className="bad" role="alert">
            {problem}
          </p>
        )}
        {provider && (
          <>
            <a
              className="button is-primary is-wide"
              href={`/api/session/open-id?return_to=${encodeURIComponent(path)}`}
            >
              Sign in with {provider}
            </a>
            <p className="soft small or">or</p>
          </>
        )}
        <div className="field">
          <label htmlFor="key">API key</label>
          <input id="key" name="key" type="password" required autoComplete="current-password" maxLength={500} />
          <span className="hint">What the key may, you may. An operator’s key shows everything.</span>
        </div>
        {error && (
          <p className="bad" role="alert">
            {wordsOf(error)}
          </p>
        )}
        <button type="submit" className={`button ${provider ? '' : 'is-primary'}`} disabled={isPending}>
          {provider ? 'Sign in with the key' : 'Sign in'}
        </button>
        <p className="soft small">
          On the machine where Tempost runs, <code>npm run --silent tempost console</code> prints an address that signs
          you in without a key.
        </p>
      </form>
    </main>
  );
}
