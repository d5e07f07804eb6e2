import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.js';
import { useMay } from '../../api/session.js';

type Numbers = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The last hour, as the dispatcher has kept it. */
export interface History {
  /** The course of one number. */
  course(kind: 'queues' | 'flow' | 'providers', name: string, number: string): readonly number[];
}

const HOUR_MS = 3_600_000;
const AGAIN_MS = 30_000;

export function useHistory(): History {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['samples', 'hour'],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - HOUR_MS).toISOString();
      return call('listSamples', { query: { from, points: 120 } }, signal);
    },
    refetchInterval: AGAIN_MS,
    enabled: may('listSamples'),
  });
  return {
    course: (kind, name, number) =>
      (data?.samples ?? []).map(({ sample }) => Number((sample[kind] as Numbers)[name]?.[number] ?? 0)),
  };
}
