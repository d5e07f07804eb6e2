import { useState } from 'react';

const KEY = 'tempost.theme';
const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const dark = window.matchMedia('(prefers-color-scheme: dark)');

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? 'system';
}

/** Light or dark, as was chosen, or as the system has it; heeds a change of the system's. */
export function applyTheme(): void {
  const apply = () => {
    const theme = chosen();
    document.documentElement.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
    window.dispatchEvent(new Event('tempost:theme'));
  };
  apply();
  dark.onchange = apply;
}

/** The choice, and how to go on to the next one. */
export function useTheme(): readonly [theme: Theme, next: () => void] {
  const [theme, setTheme] = useState(chosen);
  const next = () => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
    localStorage.setItem(KEY, following);
    setTheme(following);
    applyTheme();
  };
  return [theme, next];
}
