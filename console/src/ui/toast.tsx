import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';

const SHOWN_MS = 5_000;
const Tell = createContext<(words: string) => void>(() => {});

/** Says that something was done. */
export const useTell = () => useContext(Tell);

export function Toasts({ children }: { readonly children: ReactNode }) {
  const [told, setTold] = useState<{ readonly words: string }>();
  useEffect(() => {
    if (!told) return undefined;
    const timer = setTimeout(() => setTold(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [told]);
  const tell = useCallback((words: string) => setTold({ words }), []);
  return (
    <Tell.Provider value={tell}>
      {children}
      <div role="status" aria-live="polite">
        {told && <div className="toast">{told.words}</div>}
      </div>
    </Tell.Provider>
  );
}
