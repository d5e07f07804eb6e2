/** Where the processes of a stack are, when they are not all on 127.0.0.1. */
export interface Places {
  /** The address of what stands before api and webhooks. */
  readonly front: string;
  /** @param instance a process, such as `api` or `second-api`. */
  of(instance: string): Place;
}

/** Where one process is. */
export interface Place {
  readonly address: string;
  /** What its command begins with: what brings it there. */
  readonly before: readonly string[];
  /** What it is told beside all others. */
  readonly env: Readonly<Record<string, string>>;
}
