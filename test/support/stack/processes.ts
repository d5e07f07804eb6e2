/** The processes of the system, as `npm start` and a cluster run them. */
export const PROCESSES = {
  sandbox: ['sandbox/main.js'],
  api: ['src/api/main.js'],
  webhooks: ['src/webhooks/main.js'],
  dispatcher: ['src/dispatcher/main.js'],
  'worker-critical': ['src/worker/main.js', '--priority', 'critical'],
  'worker-medium': ['src/worker/main.js', '--priority', 'medium'],
  'worker-low': ['src/worker/main.js', '--priority', 'low'],
} as const;

export type ProcessName = keyof typeof PROCESSES;
export const PROCESS_NAMES = Object.keys(PROCESSES) as ProcessName[];

/** A process, or another one of its kind. */
export type Instance = ProcessName | `${string}-${ProcessName}`;

/** The name of the second process of a kind. */
export const second = (name: ProcessName): string => `second-${name}`;
