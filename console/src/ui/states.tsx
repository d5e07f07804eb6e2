import type { ReactNode } from 'react';
import { Refusal, Unreachable } from '../api/call.js';

/** Nothing is there, and that is fine, or says what to do. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** What went wrong, in words. */
export function wordsOf(error: unknown): string {
  if (error instanceof Unreachable) return 'The api cannot be reached.';
  if (error instanceof Refusal) {
    const faults = error.faults.map(({ field, message }) => `${field}: ${message}`);
    return [error.detail, ...faults].join(' ');
  }
  return 'Something went wrong in the console itself.';
}

export function Failed({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  return (
    <div className="state" role="alert">
      <strong>{wordsOf(error)}</strong>
      {retry && (
        <button type="button" className="button is-small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <div className="state waits" role="status">
      Loading…
    </div>
  );
}

interface Asked<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

/** What was asked for, or why it is not here. What was here before stays while it is asked anew. */
export function Answer<T>({
  of: { data, error, refetch },
  children,
}: {
  readonly of: Asked<T>;
  readonly children: (data: T) => ReactNode;
}) {
  if (data !== undefined) return children(data);
  return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading />;
}

type BannerTone = 'bad' | 'warn' | 'info';

export function Banner({ tone, children }: { readonly tone: BannerTone; readonly children: ReactNode }) {
  return (
    <div className={`banner is-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <div>{children}</div>
    </div>
  );
}

interface Paged {
  readonly hasNextPage: boolean;
  readonly fetchNextPage: () => unknown;
}

/** Below a list: asks for its next page, while there is one. Its words say in which direction that is. */
export function NextPage({
  of: { hasNextPage, fetchNextPage },
  children,
}: {
  readonly of: Paged;
  readonly children: string;
}) {
  if (!hasNextPage) return null;
  return (
    <div className="state is-small">
      <button type="button" className="button is-small" onClick={() => void fetchNextPage()}>
        {children}
      </button>
    </div>
  );
}
