/**
 * Every code with which a request can be refused: its status, and when it is given. The codes are part of the contract;
 * a route names those that are its own, and the description is made of both.
 */
export const PROBLEMS = {
  malformed_request: {
    status: 400,
    when: 'The request cannot be read: not well-formed HTTP, not JSON, not a form, or a field that is not UTF-8.',
  },
  incomplete_body: { status: 400, when: 'The body ended half-way.' },
  invalid_idempotency_key: {
    status: 400,
    when: 'The `Idempotency-Key` is not 1 to 255 printable ASCII characters without spaces.',
  },
  missing_api_key: { status: 401, when: 'There is no `Authorization: Bearer KEY`.' },
  invalid_api_key: {
    status: 401,
    when: 'The key is not known, has expired or was revoked, be it while the request came.',
  },
  invalid_session: { status: 401, when: 'The browser’s session is over, be it while the request came.' },
  invalid_link: { status: 401, when: 'The address to sign in with was used, is too old, or is none.' },
  cross_site_request: {
    status: 403,
    when: 'It is a browser’s session, and the request comes from another site’s page.',
  },
  client_disabled: { status: 403, when: 'The client that the key belongs to has been disabled.' },
  address_not_allowed: { status: 403, when: 'The key is not taken from the address that the request comes from.' },
  insufficient_scope: { status: 403, when: 'The key does not have the scope that this needs.' },
  insufficient_role: { status: 403, when: 'It is an operator’s key, of a role that may not do this.' },
  operator_only: { status: 403, when: 'Only an operator’s key may do or see this.' },
  sender_not_allowed: {
    status: 403,
    when: 'The client may not send as this sender; `detail` says which command allows it.',
  },
  not_found: { status: 404, when: 'There is nothing at this address.' },
  email_not_found: { status: 404, when: 'There is no such e-mail, or it is another client’s.' },
  attachment_not_found: { status: 404, when: 'The e-mail has no attachment.' },
  dead_letter_not_found: { status: 404, when: 'There is no such dead letter, or it is another client’s.' },
  suppression_not_found: { status: 404, when: 'The address is not suppressed.' },
  client_not_found: { status: 404, when: 'There is no such client, or it is another one than the key’s.' },
  key_not_found: { status: 404, when: 'The client has no key of this id.' },
  sender_not_found: { status: 404, when: 'The client may not send as this one anyway.' },
  queue_not_found: { status: 404, when: 'The queues are `critical`, `medium`, `low`, and `all`.' },
  provider_not_found: { status: 404, when: 'There is no provider of this name.' },
  hold_not_found: { status: 404, when: 'There is no such hold, or it was released.' },
  month_not_found: { status: 404, when: 'There are no data of this month.' },
  build_not_found: { status: 404, when: 'No worker has had this build, as far as the record knows.' },
  job_not_found: { status: 404, when: 'There is no such job.' },
  method_not_allowed: { status: 405, when: 'The address does not know this method; `Allow` names those that it does.' },
  request_timeout: { status: 408, when: 'The request did not arrive in time.' },
  upload_too_slow: { status: 408, when: 'The body came too slowly, or took too long.' },
  idempotency_key_in_flight: {
    status: 409,
    when: 'A request with the same `Idempotency-Key` is being accepted at this moment. Ask again.',
  },
  too_late: { status: 409, when: 'The e-mail is being sent, was sent, is over, or is due; `detail` says which.' },
  not_retryable: {
    status: 409,
    when: 'The e-mail is on its way, has arrived or was cancelled; or, with `Retry-After`, a call may still be going on.',
  },
  build_without_workers: {
    status: 409,
    when: 'The build does not have a worker of each priority that asks for tasks; `detail` says of which not.',
  },
  build_is_current: { status: 409, when: 'E-mails begin on this build; let them begin on another one first.' },
  nothing_to_roll_back: { status: 409, when: 'No build is ramping, and none was current before.' },
  content_removed: {
    status: 410,
    when: 'What the e-mail said, and its attachment, are gone by retention; `detail` says since when.',
  },
  not_waiting: { status: 409, when: 'The e-mail is not waiting for its next try.' },
  client_exists: { status: 409, when: 'There is a client of this name.' },
  too_many_holds: { status: 409, when: 'There are as many holds as there may be.' },
  month_in_use: { status: 409, when: 'The month is not over, or something of it is unfinished; `detail` says what.' },
  too_many_jobs: { status: 409, when: 'There are as many jobs going on as there may be.' },
  job_over: { status: 409, when: 'The job is over or stopped already; or, to be resumed, it is not stopped.' },
  own_client: { status: 409, when: 'It is the client that the key belongs to: use another one’s key.' },
  key_ended: { status: 409, when: 'The key has expired or was revoked: make a new one.' },
  already_rotated: { status: 409, when: 'The key has been rotated before; `replaced_by` names the one that followed.' },
  configured_key: { status: 409, when: 'It is the key that `BOOTSTRAP_API_KEY` gives: change it there.' },
  not_a_key: { status: 409, when: 'It is a person who signs in by OpenID Connect, and no key that could be rotated.' },
  too_many_senders: { status: 409, when: 'A client may have 1,000 senders; allow a domain in the place of addresses.' },
  too_many_keys: { status: 409, when: 'A client may have 1,000 keys; those that ended count for a month.' },
  own_key: { status: 409, when: 'It is the key of this very request: revoke it with another one.' },
  too_large: { status: 413, when: 'The body, or what is in it, is beyond the limits.' },
  unsupported_media_type: { status: 415, when: 'The body is of another media type than this address takes.' },
  invalid_fields: { status: 422, when: 'Some fields are not valid; `errors` lists every fault.' },
  idempotency_key_reused: { status: 422, when: 'The `Idempotency-Key` was used for another request.' },
  rate_limited: {
    status: 429,
    when:
      'The client or its key makes more requests than it may, or its address has sent many keys that are not valid. ' +
      '`RateLimit-Policy` says how many requests there may be, `Retry-After` when there is one again.',
  },
  daily_limit_reached: {
    status: 429,
    when: 'The client has submitted what it may of this priority today (UTC). `Retry-After` says when midnight is.',
  },
  headers_too_large: { status: 431, when: 'There are too many or too long headers.' },
  internal_error: { status: 500, when: 'A fault of ours; the log has it under the answer’s `X-Request-Id`.' },
  stopping: { status: 503, when: 'This process is being stopped. Ask another one.' },
  database_unavailable: { status: 503, when: 'The database cannot be reached now. Ask again.' },
  database_not_migrated: { status: 503, when: 'The database is older than this release. Ask again.' },
  database_too_new: { status: 503, when: 'A newer release took away what this process needs of the database.' },
  attachment_unavailable: {
    status: 503,
    when: 'The attachment cannot be read now, or is not what was accepted. Ask again.',
  },
  too_many_downloads: {
    status: 503,
    when: 'Too many contents and attachments are being read at this moment. Ask again.',
  },
  too_many_viewers: { status: 503, when: 'This process shows how it stands to as many as it can. Ask again.' },
  too_many_searches: { status: 503, when: 'Too many searches wait at this moment. Ask again.' },
  held: { status: 503, when: 'An operator does not take such mail for now. Ask again.' },
  too_many_uploads: {
    status: 503,
    when: 'Too many requests of this client are being read at this moment. Ask again.',
  },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly when: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;
