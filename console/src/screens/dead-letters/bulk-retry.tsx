import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { call } from '../../api/call.js';
import { ActDialog, textOf } from '../../ui/dialog.js';
import { Choice } from '../../ui/field.js';
import { Answer } from '../../ui/states.js';
import { providerIn, providerOptions } from '../email/actions.js';
import { Previewed } from '../jobs/preview.js';
import { type Group, nameOf } from './groups.js';

const YEAR_MS = 365 * 86_400_000;

const filterOf = ({ reason, code, provider }: Group) => ({
  dead_reason: reason,
  code: code ?? undefined,
  provider: provider ?? undefined,
  from: new Date(Date.now() - YEAR_MS).toISOString(),
});

/** Retries a group as a job, which goes on whatever becomes of this page: first it says how many it would be. */
export function BulkRetryDialog({ group, close }: { readonly group: Group; readonly close: () => void }) {
  const [, go] = useLocation();
  const dryRun = useQuery({
    queryKey: ['jobs', 'dry run', group.reason, group.code, group.provider],
    queryFn: ({ signal }) => {
      const body = { kind: 'retry', filter: filterOf(group), reason: 'a dry run', dry_run: true } as const;
      return call('beginJob', { body }, signal);
    },
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const preview = dryRun.data?.preview;
  return (
    <ActDialog
      title="Retry these dead letters"
      touches={
        <Answer of={dryRun}>
          {() =>
            preview && (
              <Previewed of={preview}>
                ({nameOf(group)}) will be queued anew, each once, with a lifetime and a deadline from now. The job can
                be stopped; what a provider has by then is sent.
              </Previewed>
            )
          }
        </Answer>
      }
      verb="Retry them"
      asksWhy
      disabled={!preview || preview.matched === 0}
      act={async (form) => {
        const { job } = await call('beginJob', {
          body: {
            kind: 'retry',
            filter: filterOf(group),
            through: providerIn(form, 'through'),
            reason: textOf(form, 'reason')!,
          },
        });
        if (job) go(`/jobs/${job.id}`);
      }}
      done="A job retries them: this is it."
      close={close}
    >
      <Choice label="Through" name="through" options={providerOptions('any provider')} />
    </ActDialog>
  );
}
