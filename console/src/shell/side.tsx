import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
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
  return (
    <div className="side">
      <Brand />
      <nav className="nav" aria-label="Screens">
        <ul>
          {SCREENS.filter(({ needs }) => may(needs)).map((screen) => (
            <li key={screen.path}>
              {screen.rule && <hr className="nav-rule" />}
              <Item {...screen} watches={watches} />
            </li>
          ))}
        </ul>
      </nav>
      <Who watches={watches} />
    </div>
  );
}

/** Moves the list and its column alone: the page stays where whoever reads it has scrolled it. */
function bringIntoView(item: HTMLElement): void {
  const list = item.closest('nav')!;
  const column = list.parentElement!;
  const at = item.getBoundingClientRect();
  const [width, height] = [list.getBoundingClientRect(), column.getBoundingClientRect()];
  list.scrollLeft += (at.left + at.right - width.left - width.right) / 2;
  column.scrollTop += Math.min(0, at.top - height.top) + Math.max(0, at.bottom - height.bottom);
}

type ItemProps = (typeof SCREENS)[number] & { readonly watches: boolean };

function Item({ path, name, waiting, watches }: ItemProps) {
  const [location] = useLocation();
  const isHere = path === '/' ? location === '/' : location.startsWith(path);
  const ref = useRef<HTMLAnchorElement>(null);
  const { sample } = useLive();
  // How wide each count is: they come later, grow, and move what is behind them.
  const widths = sample && watches && SCREENS.map(({ waiting: of }) => (of ? written(of(sample)).length : 0)).join();
  // On a narrow screen the list is wider than that.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the counts that move it
  useEffect(() => {
    if (isHere && ref.current) bringIntoView(ref.current);
  }, [isHere, widths]);
  return (
    <Link ref={ref} href={path} aria-current={isHere ? 'page' : undefined}>
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
