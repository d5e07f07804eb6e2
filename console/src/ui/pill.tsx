import type { ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';

/** A state in a word or two; its colour only underlines what the word says. */
export function Pill({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ReactNode }) {
  return <span className={`pill is-${tone}`}>{children}</span>;
}

const STATUS_TONES: Readonly<Record<string, Tone>> = {
  scheduled: 'plain',
  queued: 'info',
  sending: 'info',
  retrying: 'warn',
  unconfirmed: 'warn',
  sent: 'info',
  deferred: 'warn',
  delivered: 'good',
  opened: 'good',
  clicked: 'good',
  failed: 'bad',
  bounced: 'bad',
  complained: 'bad',
  suppressed: 'plain',
  cancelled: 'plain',
  dead: 'bad',
};

/** What has become of an e-mail. A status that is new to this release is shown plainly. */
export const StatusPill = ({ status }: { readonly status: string }) => (
  <Pill tone={STATUS_TONES[status] ?? 'plain'}>{status}</Pill>
);
