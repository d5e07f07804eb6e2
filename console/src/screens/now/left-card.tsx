import { Link } from 'wouter';
import type { LiveSample } from '../../api/live.js';
import { Card } from '../../ui/card.js';
import { count } from '../../ui/numbers.js';

/** Why an e-mail is dead, in words. */
export const DEATHS: Readonly<Record<string, string>> = {
  lifetime_over: 'Tried until its lifetime was over',
  ambiguous: 'Nobody knows whether it was sent',
  stopped_in_temporal: 'Stopped in Temporal',
};

/** What waits for a person, or for Temporal. */
export function LeftCard({ sample }: { readonly sample: LiveSample }) {
  const { waiting, by_reason } = sample.dead_letters;
  const rows: readonly (readonly [string, number, string | null])[] = [
    ...Object.entries(by_reason).map(([reason, many]) => [DEATHS[reason] ?? reason, many, 'bad'] as const),
    ['Webhooks of the last day without an e-mail', sample.unmatched_webhooks, 'warn'],
    ['News that workflows have not been told', sample.pending_signals, 'warn'],
  ];
  return (
    <Card
      title={
        <>
          Dead letters <span className={waiting > 0 ? 'bad' : 'soft'}>{count(waiting)}</span>
        </>
      }
      aside={
        <Link className="small" href="/dead-letters">
          Look at them
        </Link>
      }
    >
      <table className="table" aria-label="What waits for a person">
        <tbody>
          {rows.map(([name, many, tone]) => (
            <tr key={name}>
              <td>{name}</td>
              <td className={`end strong ${many > 0 && tone ? tone : 'soft'}`}>{count(many)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
