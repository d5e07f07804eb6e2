import { useEffect } from 'react';
import { Link, Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { useReached } from '../api/reach.js';
import { mayDo, SignedIn, useSession, useSessionQuery } from '../api/session.js';
import { Empty, Failed, Loading } from '../ui/states.js';
import { Toasts } from '../ui/toast.js';
import { Boundary } from './boundary.js';
import { Offline } from './offline.js';
import { ITEMS, SCREENS } from './screens.js';
import { Side } from './side.js';
import { SignIn } from './sign-in.js';

/** The console: whoever is not signed in signs in first, and is then where they wanted to be. */
export function App() {
  const { data: session, error, refetch } = useSessionQuery();
  if (session === undefined) return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading />;
  if (session === null) return <SignIn />;
  return (
    <SignedIn session={session}>
      <Toasts>
        <Router base="/console">
          <div className="app">
            <a className="skip" href="#main">
              To the content
            </a>
            <Side />
            <Main />
          </div>
        </Router>
      </Toasts>
    </SignedIn>
  );
}

function Main() {
  const reached = useReached();
  return (
    <main className="main" id="main" tabIndex={-1}>
      <Offline />
      <div className={reached ? undefined : 'is-stale'}>
        <Screens />
      </div>
    </main>
  );
}

function Screens() {
  const session = useSession();
  const [location] = useLocation();
  const offered = SCREENS.filter(({ needs }) => mayDo(session, needs));
  const here = offered.find(({ path }) => path === location);
  useEffect(() => {
    document.title = here ? `${here.name} · Tempost` : 'Tempost';
    window.scrollTo(0, 0);
  }, [here]);
  return (
    <Boundary key={location}>
      <Switch>
        {offered.map(({ path, show }) => (
          <Route key={path} path={path} component={show} />
        ))}
        {ITEMS.filter(({ needs }) => mayDo(session, needs)).map(({ path, show: Show }) => (
          <Route key={path} path={path}>
            {({ id }: { readonly id?: string }) => <Show id={id ?? ''} />}
          </Route>
        ))}
        {!here && location === '/' && offered[0] && (
          <Route path="/">
            <Redirect to={offered[0].path} />
          </Route>
        )}
        <Route>
          <Empty title="There is nothing here, or your key may not see it.">
            <Link href={offered[0]?.path ?? '/'}>To the first screen</Link>
          </Empty>
        </Route>
      </Switch>
    </Boundary>
  );
}
