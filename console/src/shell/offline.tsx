import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { call } from '../api/call.js';
import { useReached } from '../api/reach.js';
import { Banner } from '../ui/states.js';

const AGAIN_MS = 3_000;

/** Says on every screen that the api does not answer, and asks it until it does; then all that is shown is asked anew. */
export function Offline() {
  const reached = useReached();
  const queries = useQueryClient();
  const wasAway = useRef(false);
  useEffect(() => {
    if (reached) {
      if (wasAway.current) void queries.invalidateQueries();
      wasAway.current = false;
      return undefined;
    }
    wasAway.current = true;
    const ask = () => void call('getSession', {}).catch(() => {});
    const timer = setInterval(ask, AGAIN_MS);
    window.addEventListener('online', ask);
    return () => {
      clearInterval(timer);
      window.removeEventListener('online', ask);
    };
  }, [reached, queries]);
  if (reached) return null;
  return (
    <Banner tone="bad">
      <strong>The api cannot be reached.</strong> What you see is how it last stood. It is tried again every few
      seconds.
    </Banner>
  );
}
