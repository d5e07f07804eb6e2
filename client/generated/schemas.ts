// Made from the API’s description by `npm run client:types`; a test compares both.
// Answers can get new fields at any time.

export type Acceptance = {
  readonly id: string;
  /** `queued`, or `scheduled` with a `send_at` ahead. */
  readonly status: string;
  readonly priority: 'critical' | 'medium' | 'low';
  readonly created_at: string;
  /** By when it has to be with a provider. */
  readonly deadline_at: string;
};

export type FieldFault = {
  readonly field: string;
  readonly code: string;
  readonly message: string;
};

export type FoundEmail = {
  readonly id: string;
  readonly client_id: string;
  readonly status: string;
  readonly priority: 'critical' | 'medium' | 'low';
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly tags: readonly (string)[];
  readonly created_at: string;
  readonly deadline_at: string;
  readonly sent_at: string | null;
  readonly provider: string | null;
};

export type Email = {
  readonly id: string;
  /** `scheduled`, `queued`, `sending`, `retrying`, `unconfirmed`, `sent`, `deferred`, `delivered`, `opened`, `clicked`, `failed`, `bounced`, `complained`, `suppressed`, `cancelled` or `dead`. New ones can be added. */
  readonly status: string;
  readonly priority: string;
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly created_at: string;
  /** By when it has to be with a provider. */
  readonly deadline_at: string;
  /** When its workflow was started. */
  readonly dispatched_at: string | null;
  /** When a provider took it. */
  readonly sent_at: string | null;
  readonly provider: string | null;
  readonly provider_message_id: string | null;
  /** Those that its client had set. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether opens are tracked. */
  readonly track_opens: boolean;
  /** Why it is not being sent at this moment; null when a provider has it, it is over, or just being sent. */
  readonly waiting: Waiting | null;
  /** Attempts beyond the first, over all its lives. */
  readonly retry_count: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tags: readonly (string)[];
  /** Since when its content and its attachment are gone by retention; null: they are kept. */
  readonly content_removed_at: string | null;
  readonly attachment: Attachment | null;
  /** By the time they happened. */
  readonly events: readonly (EmailEvent)[];
  readonly attempts: readonly (Attempt)[];
};

export type Waiting = {
  readonly code: string;
  /** For people. */
  readonly reason: string;
  /** Null when nobody can tell: it goes on when the reason is over. */
  readonly next_try_at: string | null;
};

export type Attachment = {
  readonly filename: string;
  readonly content_type: string;
  /** In bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Null until it is in the object store, and once it was removed. */
  readonly storage_path: string | null;
};

export type EmailEvent = {
  readonly type: string;
  readonly occurred_at: string;
  readonly provider: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
};

export type Attempt = {
  /** Which of the e-mail’s lives. */
  readonly generation: number;
  readonly attempt: number;
  readonly provider: string;
  readonly state: string;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly code: string | null;
  readonly provider_message_id: string | null;
};

export type EmailContent = {
  readonly id: string;
  readonly sender: string;
  readonly receiver: string;
  readonly reply_to: string | null;
  readonly subject: string;
  /** As it was submitted; null when it was HTML alone. */
  readonly text: string | null;
  /** As it was submitted, without what is added to it when it is sent; null when there was none. */
  readonly html: string | null;
  /** More headers, as they were submitted. */
  readonly headers: Readonly<Record<string, string>>;
  /** The text that is made of HTML alone, and sent with it. */
  readonly generated_text: string | null;
  /** Since when the bodies are gone by retention; they are null then. Null: they are kept. */
  readonly content_removed_at: string | null;
};

export type DeadLetter = {
  readonly id: string;
  readonly client_id: string;
  readonly priority: 'critical' | 'medium' | 'low';
  readonly sender: string;
  readonly receiver: string;
  readonly subject: string;
  readonly created_at: string;
  /** Which of the e-mail’s lives. */
  readonly generation: number;
  readonly reason: 'lifetime_over' | 'ambiguous' | 'stopped_in_temporal';
  /** Of the last attempt. */
  readonly code: string | null;
  /** Of the last attempt. */
  readonly provider: 'mailgun' | 'mandrill' | 'smtp' | null;
  readonly died_at: string;
  readonly resolved_at: string | null;
  /** `delivered`: its provider turned out to have taken it. */
  readonly resolution: 'retried' | 'discarded' | 'delivered' | null;
};

export type Suppression = {
  readonly address: string;
  readonly reason: 'bounced' | 'complained' | 'unsubscribed' | 'manual';
  /** The e-mail that showed it; null when it was added by hand. */
  readonly email_id: string | null;
  readonly created_at: string;
  /** When its owner unsubscribed as well, where `reason` is another one. */
  readonly unsubscribed_at: string | null;
};

export type ListedClient = {
  readonly id: string;
  readonly name: string;
  /** None of its keys is taken; what was accepted of it is sent all the same. */
  readonly disabled: boolean;
  readonly created_at: string;
};

export type Client = {
  readonly id: string;
  readonly name: string;
  /** None of its keys is taken; what was accepted of it is sent all the same. */
  readonly disabled: boolean;
  readonly created_at: string;
  /** Whether its senders are told of failures by e-mail. */
  readonly failure_notices: boolean;
  /** Whether opens are tracked, where an e-mail does not say. */
  readonly track_opens: boolean;
  /** How many e-mails of each priority it may submit a day (UTC). */
  readonly daily_limits: {
    readonly critical: number;
    readonly medium: number;
    readonly low: number;
  };
  /** How many it has submitted today (UTC). */
  readonly submitted_today: {
    readonly critical: number;
    readonly medium: number;
    readonly low: number;
  };
  /** Over all api processes; null: no limit. */
  readonly rate_limits: {
    readonly send: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
    readonly read: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
  };
  /** For how many days its e-mails are kept after they were due. */
  readonly retention: {
    /** Its own for contents; null: as configured, 0: for good. */
    readonly content_days: number | null;
    /** Its own for records; null: as configured, 0: for good. */
    readonly record_days: number | null;
    /** For how many days contents and attachments are kept; null: for good. */
    readonly kept_content_days: number | null;
    /** For how many days all that is known of an e-mail is kept; null: for good. */
    readonly kept_record_days: number | null;
  };
};

export type ApiKey = {
  readonly id: string;
  readonly name: string | null;
  /** Its first characters. */
  readonly prefix: string;
  /** Whether it is an operator’s; `role` says which. */
  readonly operator: boolean;
  readonly role: 'viewer' | 'operator' | 'admin' | null;
  /** What a client’s key may. */
  readonly scopes: readonly ('send' | 'read' | 'content' | 'suppressions' | 'admin')[];
  /** Addresses and CIDR blocks it is taken from; none: from everywhere. */
  readonly allowed_addresses: readonly (string)[];
  /** Over all api processes; null: no limit. */
  readonly rate_limits: {
    readonly send: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
    readonly read: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
  };
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
  /** The key that it was rotated to. */
  readonly replaced_by: string | null;
  /** It is no key, but somebody who signs in to the console by OpenID Connect; `expires_at` is renewed then. */
  readonly person: {
    readonly issuer: string;
    readonly subject: string;
  } | null;
};

export type CreatedApiKey = {
  readonly id: string;
  readonly name: string | null;
  /** Its first characters. */
  readonly prefix: string;
  /** Whether it is an operator’s; `role` says which. */
  readonly operator: boolean;
  readonly role: 'viewer' | 'operator' | 'admin' | null;
  /** What a client’s key may. */
  readonly scopes: readonly ('send' | 'read' | 'content' | 'suppressions' | 'admin')[];
  /** Addresses and CIDR blocks it is taken from; none: from everywhere. */
  readonly allowed_addresses: readonly (string)[];
  /** Over all api processes; null: no limit. */
  readonly rate_limits: {
    readonly send: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
    readonly read: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
  };
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
  /** The key that it was rotated to. */
  readonly replaced_by: string | null;
  /** It is no key, but somebody who signs in to the console by OpenID Connect; `expires_at` is renewed then. */
  readonly person: {
    readonly issuer: string;
    readonly subject: string;
  } | null;
  /** The key itself. */
  readonly key: string;
};

export type RotatedApiKey = {
  readonly id: string;
  readonly name: string | null;
  /** Its first characters. */
  readonly prefix: string;
  /** Whether it is an operator’s; `role` says which. */
  readonly operator: boolean;
  readonly role: 'viewer' | 'operator' | 'admin' | null;
  /** What a client’s key may. */
  readonly scopes: readonly ('send' | 'read' | 'content' | 'suppressions' | 'admin')[];
  /** Addresses and CIDR blocks it is taken from; none: from everywhere. */
  readonly allowed_addresses: readonly (string)[];
  /** Over all api processes; null: no limit. */
  readonly rate_limits: {
    readonly send: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
    readonly read: {
      /** Requests a second. */
      readonly rate: number;
      /** Requests at once, when there were none for a while. */
      readonly burst: number;
    } | null;
  };
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
  /** The key that it was rotated to. */
  readonly replaced_by: string | null;
  /** It is no key, but somebody who signs in to the console by OpenID Connect; `expires_at` is renewed then. */
  readonly person: {
    readonly issuer: string;
    readonly subject: string;
  } | null;
  /** The key itself. */
  readonly key: string;
  /** The old one, with its end. */
  readonly replaces: ApiKey;
};

export type AllowedSender = {
  readonly sender: string;
  /** Null of `*`. */
  readonly created_at: string | null;
};

export type Overview = {
  readonly as_of: string;
  readonly queues: readonly (Queue)[];
  readonly providers: readonly (Provider)[];
  readonly holds: readonly (Hold)[];
  /** Those that run, or died in the last hour. */
  readonly processes: readonly (Process)[];
  readonly dead_letters: {
    /** Dead e-mails that nobody has retried or discarded. */
    readonly waiting: number;
    readonly by_reason: Readonly<Record<string, number>>;
  };
  /** Webhooks of the last 24 hours that name no e-mail that we know. */
  readonly unmatched_webhooks: number;
  /** News that workflows have not been told yet: grows while Temporal is down. */
  readonly pending_signals: number;
  /** How long the oldest of them has waited, in seconds. */
  readonly oldest_pending_signal_s: number | null;
  /** Failures of which senders are told by a digest, at the end of its hour. */
  readonly untold_failures: number;
  /** Since the oldest such hour began, in seconds. */
  readonly oldest_untold_failure_s: number | null;
  readonly disk: DiskUse;
  readonly counters: readonly ({
    readonly name: string;
    readonly label: string;
    readonly value: number;
  })[];
};

export type Queue = {
  readonly priority: 'critical' | 'medium' | 'low';
  readonly paused: boolean;
  readonly pauses: readonly ({
    /** `temporal`: made in Temporal alone, past us. */
    readonly by: 'tempost' | 'temporal';
    readonly since: string;
    readonly reason: string | null;
    /** Whose key it was, as `client` or `client/key`; null: not known. */
    readonly who: string | null;
  })[];
  /** Due, and not dispatched yet. */
  readonly waiting: number;
  /** Due, and held; see `/api/admin/holds`. */
  readonly held: number;
  /** With a `send_at` ahead. */
  readonly scheduled: number;
  /** With a workflow, and not handed over yet. */
  readonly in_flight: number;
  /** Of those in flight: dispatched more than two minutes ago. */
  readonly stuck: number;
  /** Waiting for their next try. */
  readonly backing_off: number;
  /** Had their turn and found no provider: asleep until one admits them. */
  readonly awaiting_provider: number;
  /** With a provider; news is awaited. */
  readonly handed_over: number;
  /** Age of the oldest that waits, in seconds, from when it was due. */
  readonly oldest_waiting_s: number | null;
  /** Not handed over though its deadline has passed, and not held. */
  readonly past_deadline: number;
  /** Those that take this priority now. */
  readonly admitting_providers: readonly ('mailgun' | 'mandrill' | 'smtp')[];
};

export type Provider = {
  readonly provider: 'mailgun' | 'mandrill' | 'smtp';
  /** E-mails are sent through it. */
  readonly configured: boolean;
  readonly enabled: boolean;
  /** The breaker’s state by an operator’s word. */
  readonly forced: 'open' | 'closed' | null;
  /** Calls a second, over all processes; null: no limit. */
  readonly rate_per_s: number | null;
  /** Calls a day; null: no limit. */
  readonly per_day: number | null;
  readonly reason: string | null;
  readonly changed_at: string;
  /** Whose key it was, as `client` or `client/key`; null: not known. */
  readonly changed_by: string | null;
  readonly breaker: {
    readonly state: 'closed' | 'open' | 'half_open';
    /** In a row. */
    readonly failures: number;
    readonly last_code: string | null;
    readonly opened_at: string | null;
    /** When the next call may be made as a probe. */
    readonly probe_at: string | null;
    /** Our account there is refused: a person has to look. */
    readonly misconfigured: boolean;
  };
  /** Calls since midnight UTC. */
  readonly used_today: number;
  /** Sender domains that this provider does not take for now. */
  readonly blocked_domains: readonly ({
    readonly domain: string;
    readonly until: string;
    readonly code: string;
  })[];
};

export type Hold = {
  readonly id: string;
  readonly client_id: string | null;
  readonly sender_domain: string | null;
  readonly receiver_domain: string | null;
  readonly tag: string | null;
  readonly priority: 'critical' | 'medium' | 'low' | null;
  readonly reject: boolean;
  readonly reason: string;
  readonly created_at: string;
  /** Held at this moment; what is in flight joins them when it asks for permission to call. */
  readonly held: number;
  /** Whose key it was, as `client` or `client/key`. */
  readonly who: string | null;
};

export type Process = {
  readonly process: 'api' | 'webhooks' | 'dispatcher' | 'worker';
  /** Of a worker. */
  readonly priority: 'critical' | 'medium' | 'low' | null;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
  /** When it last said that it runs; it does so every five seconds. */
  readonly beat_at: string;
  /** How long ago that is, in seconds. */
  readonly beat_s: number;
  /** For more than 12 s: frozen, cut off from the database, or dead. */
  readonly silent: boolean;
  /** Of a worker: it asks Temporal for tasks, and Temporal answers. */
  readonly polling: boolean | null;
  /** Of a worker: calls to providers under way. */
  readonly slots_used: number | null;
  /** Of a worker: how many there may be. */
  readonly slots: number | null;
  /** Of a worker: when it last got a task; null: none yet. */
  readonly last_task_at: string | null;
  /** Of a worker: its `WORKER_BUILD_ID`; null: it has none. */
  readonly build_id: string | null;
};

export type DiskUse = {
  /** What PostgreSQL’s database takes. */
  readonly database_bytes: number;
  /** Of it, with indexes, by what is in the tables. */
  readonly groups: Readonly<Record<string, number>>;
  /** Of it, e-mails with what belongs to them, by month as `YYYYMM`. */
  readonly months: Readonly<Record<string, number>>;
  /** A day, over the last week, without what was removed; null: not known yet. */
  readonly growth_bytes: number | null;
  /** Room that is left; null: `DISK_CAPACITY_GB` is not set. */
  readonly free_bytes: number | null;
  /** At that growth; null: not known, or it does not grow. */
  readonly days_left: number | null;
};

export type Scale = {
  readonly priority: 'critical' | 'medium' | 'low';
  /** Due, and not dispatched yet. */
  readonly waiting: number;
  /** Due, and held by an operator: no work for a worker. */
  readonly held: number;
  /** Being handed over. */
  readonly in_flight: number;
  /** How many may be in flight. */
  readonly in_flight_limit: number;
  /** Age of the oldest that waits, from when it was due; null: none waits. */
  readonly oldest_s: number | null;
  /** Until its deadline; negative: that has passed. */
  readonly oldest_deadline_in_s: number | null;
  /** E-mails accepted a second. */
  readonly arrivals_per_s: {
    readonly over_1_min: number;
    readonly over_5_min: number;
  };
  readonly paused: boolean;
  /** A provider takes it. While none does, more workers are no help. */
  readonly admitted: boolean;
  /** Workers that say that they run. */
  readonly workers: number;
  /** Calls that one worker makes at once. */
  readonly worker_slots: number;
  /** The e-mails that are work for workers; 0 while paused. */
  readonly scale_emails: number;
  /** How many workers there should be. */
  readonly wanted_workers: number;
};

export type Build = {
  /** Null: the workers without one. */
  readonly build_id: string | null;
  /** Of a hundred e-mails that begin now, how many it gets. */
  readonly share: number;
  /** E-mails under way that stay with it to their end. */
  readonly pinned: {
    readonly critical: number;
    readonly medium: number;
    readonly low: number;
  };
  /** Workers of it that say that they run, and ask for tasks. */
  readonly workers: {
    readonly critical: number;
    readonly medium: number;
    readonly low: number;
  };
  /** Of which e-mails begin there or stay there, and no worker runs. */
  readonly missing: readonly ('critical' | 'medium' | 'low')[];
  /** E-mails that stay with it, and that nobody can continue. */
  readonly stuck: number;
  /** What stays with it is moved to the current one. */
  readonly retired: boolean;
  /** Nothing begins there, and nothing is under way: its workers may be ended. */
  readonly may_end: boolean;
};

export type Job = {
  readonly id: string;
  readonly kind: string;
  readonly state: 'planning' | 'running' | 'stopped' | 'done' | 'failed';
  /** What it was begun with. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly reason: string;
  /** Whose key it was, as `client` or `client/key`. */
  readonly who: string | null;
  readonly rate_per_s: number;
  /** How many items there are; while it is planning, so far. */
  readonly matched: number;
  readonly counts: {
    /** Still to be done. */
    readonly pending: number;
    /** That were done. */
    readonly done: number;
    /** By the reason: there was nothing to be done any more. */
    readonly skipped: Readonly<Record<string, number>>;
    /** By the code: they could not be done. */
    readonly failed: Readonly<Record<string, number>>;
  };
  /** Why it failed. */
  readonly code: string | null;
  readonly created_at: string;
  /** When all items were listed. */
  readonly planned_at: string | null;
  /** When somebody worked on it last. */
  readonly progressed_at: string | null;
  readonly ended_at: string | null;
};

export type JobItem = {
  readonly number: number;
  /** What it is about: an e-mail’s id, or a step. */
  readonly target: string;
  /** Which of the e-mail’s lives it had been when it was listed. */
  readonly generation: number | null;
  readonly state: 'pending' | 'done' | 'skipped' | 'failed';
  /** Why it was skipped, or could not be done. */
  readonly code: string | null;
  readonly done_at: string | null;
};

export type UnmatchedWebhook = {
  readonly id: string;
  readonly provider: 'mailgun' | 'mandrill' | 'smtp';
  /** Why it belongs to no e-mail. */
  readonly reason: string;
  /** In our word, or in the provider’s where we did not read more of it. */
  readonly event_type: string | null;
  /** The provider’s id of the message, where it names one. */
  readonly provider_message_id: string | null;
  readonly recorded_at: string;
  /** When its e-mail is looked for again; null: not any more. */
  readonly match_at: string | null;
};

export type Act = {
  readonly id: number;
  readonly at: string;
  /** `temporal`: made in Temporal itself, past us. */
  readonly source: 'api' | 'cli' | 'console' | 'temporal';
  /** Whose key it was; null: nobody’s that is known. */
  readonly client_id: string | null;
  /** As it was then, and so the key’s name and role. */
  readonly client_name: string | null;
  readonly key_id: string | null;
  readonly key_name: string | null;
  /** Of an operator’s key; null of a client’s. */
  readonly role: string | null;
  /** The IP address it came from. */
  readonly address: string | null;
  /** The answer’s `X-Request-Id`. */
  readonly request_id: string | null;
  readonly action: string;
  readonly target_kind: 'queue' | 'provider' | 'client' | 'key' | 'email' | 'dead_letter' | 'hold' | 'job' | 'routing' | 'person' | 'sender' | 'suppression';
  /** Of an entry of a list: its client and the entry, an address of which is kept as a hash. */
  readonly target_id: string;
  /** How the target stood; null: it was not there, or nobody knows. */
  readonly before: Readonly<Record<string, unknown>> | null;
  /** How it stands since. */
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly reason: string | null;
};

export type ServiceLevels = {
  readonly as_of: string;
  readonly from: string;
  readonly to: string;
  /** E-mails with an earlier first deadline are not counted. */
  readonly counted_from: string;
  readonly target_percent: number;
  readonly totals: readonly ({
    readonly priority: 'critical' | 'medium' | 'low';
    /** Taken by a provider by their first deadline. */
    readonly in_time: number;
    /** Taken later, or past their first deadline and not taken yet. */
    readonly late: number;
    /** The same, and in time but for pauses and holds. */
    readonly late_by_pause: number;
    /** Never taken: past their retries. */
    readonly dead: number;
    /** Never taken: refused for good. */
    readonly failed: number;
    /** Never taken: the address is suppressed. */
    readonly suppressed: number;
    /** Never taken: cancelled. */
    readonly cancelled: number;
    /** Not taken yet, and their first deadline is still to come. */
    readonly pending: number;
    /** Of `late` and `late_by_pause`: not taken yet. */
    readonly still_waiting: number;
    /** `in_time`, `late` and `dead` together: what the objective is about. */
    readonly measured: number;
    /** `in_time` of `measured`; null when none is measured. */
    readonly attainment_percent: number | null;
    /** How many of `measured` the objective lets miss. */
    readonly budget: number;
    /** What `late` and `dead` leave of it; negative when it is overdrawn. */
    readonly budget_left: number;
  })[];
  readonly periods: readonly ({
    readonly from: string;
    readonly priority: 'critical' | 'medium' | 'low';
    /** Null: all clients together. */
    readonly client_id: string | null;
    /** Taken by a provider by their first deadline. */
    readonly in_time: number;
    /** Taken later, or past their first deadline and not taken yet. */
    readonly late: number;
    /** The same, and in time but for pauses and holds. */
    readonly late_by_pause: number;
    /** Never taken: past their retries. */
    readonly dead: number;
    /** Never taken: refused for good. */
    readonly failed: number;
    /** Never taken: the address is suppressed. */
    readonly suppressed: number;
    /** Never taken: cancelled. */
    readonly cancelled: number;
    /** Not taken yet, and their first deadline is still to come. */
    readonly pending: number;
    /** Of `late` and `late_by_pause`: not taken yet. */
    readonly still_waiting: number;
    /** `in_time`, `late` and `dead` together: what the objective is about. */
    readonly measured: number;
    /** `in_time` of `measured`; null when none is measured. */
    readonly attainment_percent: number | null;
    /** How many of `measured` the objective lets miss. */
    readonly budget: number;
    /** What `late` and `dead` leave of it; negative when it is overdrawn. */
    readonly budget_left: number;
  })[];
  /** The e-mails that were, or are, the most behind: twenty at most. */
  readonly latest: readonly ({
    readonly id: string;
    readonly priority: 'critical' | 'medium' | 'low';
    readonly client_id: string;
    /** Behind the first deadline, in seconds. */
    readonly late_s: number;
    readonly late_by_pause: boolean;
    /** No provider has it yet. */
    readonly waiting: boolean;
  })[];
};

export type Session = {
  readonly client_id: string;
  readonly client_name: string;
  readonly key_name: string | null;
  /** Of an operator’s key; null: it is a client’s. */
  readonly role: 'viewer' | 'operator' | 'admin' | null;
  /** Of a client’s key. */
  readonly scopes: readonly ('send' | 'read' | 'content' | 'suppressions' | 'admin')[];
  /** Temporal’s page of workflows; null: not known. */
  readonly temporal_workflows: string | null;
  /** At the latest; an hour without a request ends it, too. */
  readonly expires_at: string;
};
