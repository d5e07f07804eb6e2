import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { call } from '../api/call.js';
import { wordsOf } from '../ui/states.js';
import { Brand } from './brand.js';

/** The token of an address that signs in once: behind its `#`, so that it is in no log. Taken out of the address at once. */
function takeToken(): string | undefined {
  if (!window.location.pathname.startsWith('/console/sign-in')) return undefined;
  const token = window.location.hash.slice(1);
  window.history.replaceState(null, '', '/console');
  return token || undefined;
}

const token = takeToken();

export function SignIn() {
  const queries = useQueryClient();
  const tried = useRef(false);
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
        <button type="submit" className="button is-primary" disabled={isPending}>
          Sign in
        </button>
        <p className="soft small">
          On the machine where Tempost runs, <code>npm run --silent tempost console</code> prints an address that signs
          you in without a key.
        </p>
      </form>
    </main>
  );
}
