import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type RefObject, useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from '../api/call.js';
import { useLive } from '../api/live.js';
import { useMay, useSession } from '../api/session.js';
import { count } from '../ui/numbers.js';
import { Brand } from './brand.js';
import { SCREENS } from './screens.js';
import { useTheme } from './theme.js';

/** The list of screens, who is signed in, and whether what is shown is of now. */
export function Side() {
  const may = useMay();
  const watches = may('watchOverview');
  const [location] = useLocation();
  const here = SCREENS.find(({ path }) => isAt(path, location))?.path;
  const list = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is another screen's name that has to be in view
  useEffect(() => bringHereIntoView(list.current), [here]);
  return (
    <div className="side">
      <Brand />
      <nav className="nav" aria-label="Screens" ref={list}>
        <ul>
          {SCREENS.filter(({ needs }) => may(needs)).map((screen) => (
            <li key={screen.path}>
              {screen.rule && <hr className="nav-rule" />}
              <Item {...screen} watches={watches} />
            </li>
          ))}
        </ul>
      </nav>
      {watches && <CountsMoveIt list={list} />}
      <Who watches={watches} />
    </div>
  );
}

/** Whether what is shown is a screen, or something of it. */
const isAt = (path: string, location: string) => (path === '/' ? location === '/' : location.startsWith(path));

/** Counts come later, grow, and move what is behind them. Only for whoever may watch: nobody else asks for them. */
function CountsMoveIt({ list }: { readonly list: RefObject<HTMLElement | null> }) {
  const { sample } = useLive();
  const widths = sample && SCREENS.map(({ waiting: of }) => (of ? written(of(sample)).length : 0)).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: how wide they are is what moves it
  useEffect(() => bringHereIntoView(list.current), [widths]);
  return null;
}

/**
 * On a narrow screen the list is wider than that. The list and its column alone are moved: the page stays where whoever
 * reads it has scrolled it.
 */
function bringHereIntoView(list: HTMLElement | null): void {
  const item = list?.querySelector('[aria-current="page"]');
  if (!list || !item) return;
  const column = list.parentElement!;
  const at = item.getBoundingClientRect();
  const [width, height] = [list.getBoundingClientRect(), column.getBoundingClientRect()];
  list.scrollLeft += (at.left + at.right - width.left - width.right) / 2;
  column.scrollTop += Math.min(0, at.top - height.top) + Math.max(0, at.bottom - height.bottom);
}

type ItemProps = (typeof SCREENS)[number] & { readonly watches: boolean };

function Item({ path, name, waiting, watches }: ItemProps) {
  const [location] = useLocation();
  return (
    <Link href={path} aria-current={isAt(path, location) ? 'page' : undefined}>
      {name}
      {waiting && watches && <Waiting of={waiting} />}
    </Link>
  );
}

/** A count of what waits; nothing for none. */
const written = (waiting: number) => (waiting > 9_999 ? '9,999+' : waiting > 0 ? count(waiting) : '');

function Waiting({ of }: { readonly of: NonNullable<ItemProps['waiting']> }) {
  const { sample } = useLive();
  const waiting = sample ? written(of(sample)) : '';
  return waiting === '' ? null : <span className="count">{waiting}</span>;
}

const LINE = {
  connecting: ['', 'Connecting…'],
  live: ['is-good', 'Live'],
  trouble: ['is-warn', 'Cannot look now'],
  offline: ['is-bad', 'Offline'],
} as const;

function Line() {
  const [tone, words] = LINE[useLive().state];
  return (
    <span className="line-state" role="status">
      <span className={`dot ${tone}`} />
      {words}
    </span>
  );
}

function Who({ watches }: { readonly watches: boolean }) {
  const session = useSession();
  const queries = useQueryClient();
  const [theme, nextTheme] = useTheme();
  const { mutate } = useMutation({
    mutationFn: () => call('endSession', {}),
    onSettled: () => {
      window.dispatchEvent(new Event('tempost:signed-out'));
      queries.setQueryData(['session'], null);
    },
  });
  return (
    <div className="who">
      {watches && <Line />}
      <div className="who-name">
        <strong>{session.client_name}</strong>
        {[session.key_name, session.role ?? 'client'].filter(Boolean).join(' · ')}
      </div>
      <div className="who-buttons">
        <button type="button" className="button is-small" onClick={nextTheme} aria-label={`Theme: ${theme}`}>
          {theme === 'system' ? 'Auto' : theme === 'light' ? 'Light' : 'Dark'}
        </button>
        <button type="button" className="button is-small" onClick={() => mutate()}>
          Sign out
        </button>
      </div>
    </div>
  );
}
