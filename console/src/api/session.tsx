import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect } from 'react';
import { OPERATIONS } from '../../../client/generated/operations.js';
import type { Session } from '../../../client/generated/schemas.js';
import { call, type OperationId } from './call.js';

const ROLES = ['viewer', 'operator', 'admin'];
const Signed = createContext<Session | null>(null);

/** Who is signed in; undefined while that is asked. */
export function useSessionQuery() {
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ['session'],
    queryFn: async () => (await call('getSession', {})).session,
    staleTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => {
    // What the former one has seen is not the next one's business.
    const forget = () => {
      client.setQueryData(['session'], null);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
    };
    window.addEventListener('tempost:signed-out', forget);
    return () => window.removeEventListener('tempost:signed-out', forget);
  }, [client]);
  return query;
}

export function SignedIn({ session, children }: { readonly session: Session; readonly children: ReactNode }) {
  return <Signed.Provider value={session}>{children}</Signed.Provider>;
}

/** Who is signed in. @throws outside of `SignedIn`. */
export function useSession(): Session {
  const session = useContext(Signed);
  if (!session) throw new Error('nobody is signed in');
  return session;
}

/** Whether this session may do something: what it may not is not offered. The api decides; this only tells. */
export function mayDo(session: Session, id: OperationId): boolean {
  const { scope, role } = OPERATIONS[id];
  if (role === null) return true;
  if (session.role) return ROLES.indexOf(session.role) >= ROLES.indexOf(role);
  return scope !== null && (session.scopes as readonly string[]).includes(scope);
}

export function useMay(): (id: OperationId) => boolean {
  const session = useSession();
  return (id) => mayDo(session, id);
}
