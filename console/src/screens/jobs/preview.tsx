import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/call.js';
import { count, plural } from '../../ui/numbers.js';

type Preview = NonNullable<AnswerOf<'beginJob'>['preview']>;

/** What a dry run has counted. @param children what happens to them. */
export function Previewed({ of, children }: { readonly of: Preview; readonly children: ReactNode }) {
  return (
    <>
      <strong>{plural(of.matched, 'e-mail')}</strong>
      {!of.complete && ' or more'} {children}
      {Object.entries(of.would_skip).map(([why, many]) => (
        <span key={why}>
          {' '}
          {count(many)} would be skipped: {why}.
        </span>
      ))}
    </>
  );
}
