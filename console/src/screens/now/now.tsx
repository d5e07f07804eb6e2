import { useState } from 'react';
import { useLive } from '../../api/live.js';
import { useMay } from '../../api/session.js';
import { PageHead } from '../../ui/card.js';
import { Loading } from '../../ui/states.js';
import { Time } from '../../ui/time.js';
import { Alarms } from './alarms.js';
import { FleetsCard } from './fleets-card.js';
import { HoldDialog } from './hold-dialog.js';
import { HoldsCard } from './holds-card.js';
import { LeftCard } from './left-card.js';
import { PauseDialog, ResumeDialog } from './pause-dialogs.js';
import { ProvidersCard } from './providers-card.js';
import { QueueCard } from './queue-card.js';
import { useHistory } from './use-history.js';

/** How it stands now: what waits, what is late, what providers do, what waits for a person; and the switches beside it. */
export function Now() {
  const { sample, state } = useLive();
  const may = useMay();
  const history = useHistory();
  const [dialog, setDialog] = useState<'pause' | 'resume' | 'hold'>();
  const close = () => setDialog(undefined);
  if (!sample) return <Loading />;
  const allPaused = sample.queues.every(({ paused }) => paused);
  return (
    <>
      <PageHead title="Now" about={<About at={sample.as_of} state={state} />}>
        {may('holdMail') && (
          <button type="button" className="button" onClick={() => setDialog('hold')}>
            Hold mail…
          </button>
        )}
        {may('pauseQueue') && (
          <button type="button" className="button" onClick={() => setDialog(allPaused ? 'resume' : 'pause')}>
            {allPaused ? 'Resume everything…' : 'Pause everything…'}
          </button>
        )}
      </PageHead>
      <Alarms sample={sample} state={state} />
      <div className="stack">
        <div className="grid-3">
          {sample.queues.map((queue) => (
            <QueueCard key={queue.priority} queue={queue} sample={sample} history={history} />
          ))}
        </div>
        <div className="grid-2">
          <ProvidersCard sample={sample} history={history} />
          <LeftCard sample={sample} />
        </div>
        <HoldsCard holds={sample.holds} />
        <FleetsCard processes={sample.processes} />
      </div>
      {dialog === 'pause' && <PauseDialog priority="all" queues={sample.queues} close={close} />}
      {dialog === 'resume' && <ResumeDialog priority="all" queues={sample.queues} close={close} />}
      {dialog === 'hold' && <HoldDialog close={close} />}
    </>
  );
}

function About({ at, state }: { readonly at: string; readonly state: string }) {
  return (
    <>
      {state === 'live' ? 'As of ' : 'Last seen at '}
      <Time at={at} />
    </>
  );
}
