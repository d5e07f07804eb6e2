import { useState } from 'react';
import type { LiveSample } from '../../api/live.js';
import { useMay } from '../../api/session.js';
import { count, Numbers, percent, plural } from '../../ui/numbers.js';
import { Pill } from '../../ui/pill.js';
import { Spark } from '../../ui/spark.js';
import { clockOf, duration, Since, Time } from '../../ui/time.js';
import { PauseDialog, ResumeDialog } from './pause-dialogs.js';
import type { History } from './use-history.js';

type Queue = LiveSample['queues'][number];

interface QueueCardProps {
  readonly queue: Queue;
  readonly sample: LiveSample;
  readonly history: History;
}

/** One priority: what waits, how it flows, whether it is in time, and its switch. */
export function QueueCard({ queue, sample, history }: QueueCardProps) {
  const { priority } = queue;
  const flow = sample.flow.find((each) => each.priority === priority)!;
  const late = queue.past_deadline;
  return (
    <section className="card queue-card" aria-label={`Priority ${priority}`}>
      <div className="card-head">
        <h2 className={`priority-name is-${priority}`}>
          <span>{priority}</span>
        </h2>
        <div className="card-state">
          <QueueState queue={queue} />
          <Switch queue={queue} queues={sample.queues} />
        </div>
      </div>
      <div className="headline">
        <b>{count(queue.waiting)}</b> <span className="soft">waiting</span>
        {queue.oldest_waiting_s !== null && (
          <span className="soft small">· oldest {duration(queue.oldest_waiting_s)}</span>
        )}
      </div>
      <Spark
        values={history.course('queues', priority, 'waiting')}
        label={`Waiting over the last hour, ${priority}`}
        caption="Last hour"
      />
      <Numbers
        of={[
          ['Accepted/min', rate(flow.accepted_per_min)],
          ['In flight', count(queue.in_flight)],
          [<InTime key="hour" of={flow.hour} />, keptOf(flow.hour), toneOf(flow.hour)],
          ['Sent/min', rate(flow.handed_over_per_min)],
          ['Backing off', count(queue.backing_off), queue.backing_off > 0 ? 'warn' : undefined],
          ['In time, 24 h', keptOf(flow.day), toneOf(flow.day)],
          ['Scheduled', count(queue.scheduled)],
          ['Held', count(queue.held), queue.held > 0 ? 'warn' : undefined],
          ['Past deadline', count(late), late > 0 ? 'bad' : undefined],
        ]}
      />
      {queue.awaiting_provider > 0 && (
        <p className="note">{plural(queue.awaiting_provider, 'e-mail')} found no provider and wait for one.</p>
      )}
      {queue.stuck > 0 && <p className="note">{plural(queue.stuck, 'e-mail')} in flight for more than two minutes.</p>}
      {queue.pauses.map((pause) => (
        <p className="note" key={pause.by}>
          {pause.by === 'temporal' ? 'Paused in Temporal' : `Paused by ${pause.who ?? 'somebody'}`} for{' '}
          <Since at={pause.since} /> (since <Time at={pause.since} />){pause.reason && `: ${pause.reason}`}
        </p>
      ))}
    </section>
  );
}

type Kept = LiveSample['flow'][number]['hour'];

const rate = (value: number | null) => (value === null ? '–' : value < 10 ? String(value) : count(Math.round(value)));
const keptOf = ({ in_time, missed }: Kept) => percent(in_time, in_time + missed);
const toneOf = ({ missed }: Kept) => (missed > 0 ? 'warn' : undefined);

function InTime({ of }: { readonly of: Kept }) {
  return (
    <span title={`Since ${clockOf(Date.parse(of.since))}, by the hour into which the first deadline falls`}>
      In time, 2 h
    </span>
  );
}

function QueueState({ queue }: { readonly queue: Queue }) {
  if (queue.paused) return <Pill tone="warn">Paused</Pill>;
  if (queue.admitting_providers.length === 0) return <Pill tone="bad">No provider</Pill>;
  return <Pill tone="good">Sending</Pill>;
}

/** The switch, for whoever may. */
function Switch({ queue, queues }: { readonly queue: Queue; readonly queues: readonly Queue[] }) {
  const may = useMay();
  const [dialog, setDialog] = useState<'pause' | 'resume'>();
  const own = queue.pauses.some(({ by }) => by === 'tempost');
  const close = () => setDialog(undefined);
  return (
    <>
      {may('pauseQueue') && (
        <button
          type="button"
          className="button is-small"
          aria-label={`${own ? 'Resume' : 'Pause'} ${queue.priority}`}
          onClick={() => setDialog(own ? 'resume' : 'pause')}
        >
          {own ? 'Resume…' : 'Pause…'}
        </button>
      )}
      {dialog === 'pause' && <PauseDialog priority={queue.priority} queues={queues} close={close} />}
      {dialog === 'resume' && <ResumeDialog priority={queue.priority} queues={queues} close={close} />}
    </>
  );
}
