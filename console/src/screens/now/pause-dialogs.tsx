import { call } from '../../api/call.js';
import type { LiveSample } from '../../api/live.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { plural } from '../../ui/numbers.js';

interface PauseProps {
  readonly priority: LiveSample['queues'][number]['priority'] | 'all';
  readonly queues: LiveSample['queues'];
  readonly close: () => void;
}

const touched = ({ priority, queues }: PauseProps) =>
  queues.filter((queue) => priority === 'all' || queue.priority === priority);
const sumOf = (queues: LiveSample['queues'], of: 'waiting' | 'in_flight') =>
  queues.reduce((sum, queue) => sum + queue[of], 0);
const what = (priority: PauseProps['priority']) => (priority === 'all' ? 'everything' : `priority ${priority}`);

export function PauseDialog(props: PauseProps) {
  const { priority, close } = props;
  const queues = touched(props);
  return (
    <ActDialog
      title={`Pause ${what(priority)}`}
      touches={
        <>
          {plural(sumOf(queues, 'waiting'), 'e-mail waits', 'e-mails wait')}, and what is accepted from now on waits
          with them. {plural(sumOf(queues, 'in_flight'), 'is', 'are')} on the way and will be stopped unless a call has
          begun. Nothing is lost, and resuming undoes it.
        </>
      }
      verb="Pause"
      danger={priority === 'all'}
      asksWhy
      act={(form) => call('pauseQueue', { params: { priority }, body: { reason: textOf(form, 'reason')! } })}
      done={`Paused ${what(priority)}.`}
      close={close}
    />
  );
}

export function ResumeDialog(props: PauseProps) {
  const { priority, close } = props;
  const queues = touched(props);
  const foreign = queues.some(({ pauses }) => pauses.some(({ by }) => by === 'temporal'));
  return (
    <ActDialog
      title={`Resume ${what(priority)}`}
      touches={
        <>
          {plural(sumOf(queues, 'waiting'), 'e-mail')} will be sent, the most urgent first.
          {foreign && ' A pause that was made in Temporal stays; end it there.'}
        </>
      }
      verb="Resume"
      act={() => call('resumeQueue', { params: { priority }, body: {} })}
      done={`Resumed ${what(priority)}.`}
      close={close}
    />
  );
}
