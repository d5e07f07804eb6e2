// Made from the API’s description by `npm run client:types`; a test compares both.
// Answers can get new fields at any time.

import type * as S from './schemas.js';

/** By operation: what it takes, what it answers, and the codes with which it refuses. */
export interface Operations {
  /** Submit an e-mail. */
  sendEmail: {
    input: {
      headers?: {
        /** The same key with the same request gets the first answer again, byte for byte, and makes no second e-mail. Refused requests are not remembered. */
        readonly 'Idempotency-Key'?: string;
      };
      form?: {
        /** From whom. Exactly one address, bare or with a display name: `ada@example.com`, `"Sales, north" <sales@example.com>`. ASCII only: an internationalised domain is given as punycode. At most 254 characters of address, 512 with the name. */
        readonly sender: string;
        /** To whom: exactly one address, as `sender`. */
        readonly receiver: string;
        /** One line. */
        readonly subject: string;
        readonly priority?: 'critical' | 'medium' | 'low';
        /** UTF-8, at most 5 MB; required unless `text` or `html` is given. */
        readonly content?: string;
        readonly content_type?: 'text/plain' | 'text/html';
        /** The body as plain text, at most 5 MB; made of `html` when it is not given. */
        readonly text?: string;
        /** The body as HTML, at most 5 MB; made of `text` when it is not given. */
        readonly html?: string;
        /** An address, as `sender`. */
        readonly reply_to?: string;
        /** A JSON object, at most 4 KB; texts in it hold no control characters. It comes back with the e-mail. */
        readonly metadata?: string;
        /** Comma-separated, at most 10, each at most 128 characters of printable ASCII: `welcome,trial`. */
        readonly tags?: string;
        /** JSON. An object of texts: at most 20 headers, 8 KB together. `X-…` and some others, see the documentation. */
        readonly headers?: string;
        /** Whether opens are tracked, by us and by the provider; else as the client has it. */
        readonly track_opens?: 'true' | 'false';
        /** When to send: RFC 3339 with seconds and offset, at most 30 days ahead. Up to a minute back counts as now. */
        readonly send_at?: string;
        /** At most one file with a filename (at most 255 characters; folders in it are cut off), 1 byte to 18 MB. Declared as `message/*` or `multipart/*` it goes out as `application/octet-stream`. */
        readonly attachment?: Blob;
      };
      body?: {
        /** From whom. Exactly one address, bare or with a display name: `ada@example.com`, `"Sales, north" <sales@example.com>`. ASCII only: an internationalised domain is given as punycode. At most 254 characters of address, 512 with the name. */
        readonly sender: string;
        /** To whom: exactly one address, as `sender`. */
        readonly receiver: string;
        /** One line. */
        readonly subject: string;
        readonly priority?: 'critical' | 'medium' | 'low' | null;
        /** The body as plain text, at most 5 MB; made of `html` when it is not given. */
        readonly text?: string | null;
        /** The body as HTML, at most 5 MB; made of `text` when it is not given. */
        readonly html?: string | null;
        readonly reply_to?: string | null;
        /** A JSON object, at most 4 KB; texts in it hold no control characters. It comes back with the e-mail. */
        readonly metadata?: unknown | null;
        readonly tags?: readonly (string)[] | null;
        /** An object of texts: at most 20 headers, 8 KB together. `X-…` and some others, see the documentation. */
        readonly headers?: unknown | null;
        /** Whether opens are tracked, by us and by the provider; else as the client has it. */
        readonly track_opens?: boolean | null;
        /** When to send: RFC 3339 with seconds and offset, at most 30 days ahead. Up to a minute back counts as now. */
        readonly send_at?: string | null;
        readonly attachment?: {
          readonly filename: string;
          readonly content_type?: string | null;
          readonly content_base64: string;
        } | null;
      };
    };
    answer: S.Acceptance;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'daily_limit_reached' | 'database_unavailable' | 'held' | 'idempotency_key_in_flight' | 'idempotency_key_reused' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_idempotency_key' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'rate_limited' | 'sender_not_allowed' | 'too_large' | 'too_many_uploads' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Find e-mails, the newest first. */
  searchEmails: {
    input: {
      query?: {
        readonly receiver?: string;
        readonly sender?: string;
        readonly status?: string;
        readonly priority?: 'critical' | 'medium' | 'low';
        /** Whose: an operator may name any client. */
        readonly client?: string;
        readonly tag?: string;
        readonly metadata?: string | readonly (string)[];
        /** Accepted at or after. Default: 30 days before `to`. */
        readonly from?: string;
        /** Accepted before. Default: now. */
        readonly to?: string;
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly emails: readonly (S.FoundEmail)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_many_searches';
  };
  /** What became of an e-mail. */
  getEmail: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: S.Email;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** What an e-mail says. */
  getEmailContent: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: S.EmailContent;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited' | 'too_many_downloads';
  };
  /** What an e-mail says, as a page for a frame. */
  getEmailContentPage: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: Blob;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited' | 'too_many_downloads';
  };
  /** An e-mail’s attachment. */
  getEmailAttachment: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: Blob;
    problem: 'address_not_allowed' | 'attachment_not_found' | 'attachment_unavailable' | 'client_disabled' | 'content_removed' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited' | 'too_many_downloads';
  };
  /** Cancel an e-mail. */
  cancelEmail: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: S.Email;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited' | 'too_late';
  };
  /** Give a scheduled e-mail another time. */
  rescheduleEmail: {
    input: {
      params: {
        readonly id: string;
      };
      body: {
        /** RFC 3339 with seconds and offset, at most 30 days ahead. */
        readonly send_at: string;
      };
    };
    answer: S.Email;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'rate_limited' | 'too_large' | 'too_late' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Begin another life of an e-mail that is over. */
  retryEmail: {
    input: {
      params: {
        readonly id: string;
      };
      body?: {
        /** For operators: this one and no other. */
        readonly provider?: 'mailgun' | 'mandrill' | 'smtp';
        /** Corrects the address. */
        readonly receiver?: string;
      };
    };
    answer: {
      readonly id: string;
      readonly status: 'queued';
      /** Which of its lives begins. */
      readonly generation: number;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'content_removed' | 'cross_site_request' | 'daily_limit_reached' | 'database_unavailable' | 'email_not_found' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'not_retryable' | 'operator_only' | 'rate_limited' | 'sender_not_allowed' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Do not wait for the end of the back-off. */
  retryEmailNow: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: {
      readonly id: string;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'email_not_found' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'not_waiting' | 'rate_limited';
  };
  /** Send the same content again, as a new e-mail. */
  resendEmail: {
    input: {
      params: {
        readonly id: string;
      };
      headers?: {
        /** The same key with the same request gets the first answer again, byte for byte, and makes no second e-mail. Refused requests are not remembered. */
        readonly 'Idempotency-Key'?: string;
      };
    };
    answer: S.Acceptance;
    problem: 'address_not_allowed' | 'client_disabled' | 'content_removed' | 'cross_site_request' | 'daily_limit_reached' | 'database_unavailable' | 'email_not_found' | 'held' | 'idempotency_key_in_flight' | 'idempotency_key_reused' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_idempotency_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited' | 'sender_not_allowed';
  };
  /** What is past its retries, the oldest first. */
  listDeadLetters: {
    input: {
      query?: {
        readonly priority?: 'critical' | 'medium' | 'low';
        readonly reason?: 'lifetime_over' | 'ambiguous' | 'stopped_in_temporal';
        /** Of the last attempt. */
        readonly provider?: 'mailgun' | 'mandrill' | 'smtp';
        /** Of the last attempt. */
        readonly code?: string;
        /** Whose: an operator may name any client. */
        readonly client?: string;
        readonly receiver_domain?: string;
        /** Died at or after. */
        readonly from?: string;
        /** Died before. */
        readonly to?: string;
        /** Those alone whose last attempt has no code, or that have none. */
        readonly without_code?: 'true';
        /** Those alone that no provider was ever asked to take. */
        readonly without_provider?: 'true';
        readonly state?: 'open' | 'resolved' | 'all';
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly dead_letters: readonly (S.DeadLetter)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** How many there are, by reason, code and provider. */
  groupDeadLetters: {
    input: {};
    answer: {
      /** The most first. */
      readonly groups: readonly ({
        readonly reason: 'lifetime_over' | 'ambiguous' | 'stopped_in_temporal';
        /** Of the last attempt. */
        readonly code: string | null;
        /** Of the last attempt. */
        readonly provider: 'mailgun' | 'mandrill' | 'smtp' | null;
        /** How many nobody has retried or discarded. */
        readonly waiting: number;
        readonly oldest_at: string;
        readonly newest_at: string;
      })[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** Every death of an e-mail, and the e-mail itself. */
  getDeadLetter: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: {
      readonly id: string;
      readonly client_id: string;
      readonly deaths: readonly ({
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
      })[];
      readonly email: S.Email;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'dead_letter_not_found' | 'email_not_found' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** Retry many dead letters, by a filter. */
  retryDeadLetters: {
    input: {
      body: {
        readonly priority?: 'critical' | 'medium' | 'low';
        readonly reason?: 'lifetime_over' | 'ambiguous' | 'stopped_in_temporal';
        /** Of the last attempt. */
        readonly provider?: 'mailgun' | 'mandrill' | 'smtp';
        /** Of the last attempt. */
        readonly code?: string;
        /** Whose: an operator may name any client. */
        readonly client?: string;
        readonly receiver_domain?: string;
        /** Died at or after. */
        readonly from?: string;
        /** Died before. */
        readonly to?: string;
        /** Every one, instead of a filter. */
        readonly all?: true;
        readonly limit?: number;
        /** Only count. */
        readonly dry_run?: boolean;
        /** For operators: the provider to use; `provider` is the one that failed. */
        readonly through?: 'mailgun' | 'mandrill' | 'smtp';
      };
    };
    answer: {
      readonly dry_run: boolean;
      /** How many there were. */
      readonly matching: number;
      /** How many began a new life. */
      readonly retried: number;
      /** How many cannot at this moment. Ask again until `matching` is 0. */
      readonly skipped: number;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Retry a dead letter. */
  retryDeadLetter: {
    input: {
      params: {
        readonly id: string;
      };
      body?: {
        /** For operators: this one and no other. */
        readonly provider?: 'mailgun' | 'mandrill' | 'smtp';
        /** Corrects the address. */
        readonly receiver?: string;
      };
    };
    answer: {
      readonly id: string;
      readonly status: 'queued';
      /** Which of its lives begins. */
      readonly generation: number;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'content_removed' | 'cross_site_request' | 'daily_limit_reached' | 'database_unavailable' | 'dead_letter_not_found' | 'email_not_found' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'not_retryable' | 'operator_only' | 'rate_limited' | 'sender_not_allowed' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Close a dead letter. */
  discardDeadLetter: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: {
      readonly id: string;
      readonly resolution: 'discarded';
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'dead_letter_not_found' | 'email_not_found' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** The addresses that a client must not write to. */
  listSuppressions: {
    input: {
      query?: {
        /** Whose: an operator may name another client. */
        readonly client?: string;
        readonly address?: string;
        readonly reason?: 'bounced' | 'complained' | 'unsubscribed' | 'manual';
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly suppressions: readonly (S.Suppression)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Suppress an address. */
  addSuppression: {
    input: {
      body: {
        /** Whose: an operator may name another client. */
        readonly client?: string;
        /** Exactly one address, bare or with a display name. */
        readonly address: string;
        readonly reason?: 'manual';
      };
    };
    answer: S.Suppression;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Take a suppression back. */
  removeSuppression: {
    input: {
      params: {
        /** Exactly one address, bare or with a display name. */
        readonly address: string;
      };
      query?: {
        /** Whose: an operator may name another client. */
        readonly client?: string;
      };
    };
    answer: undefined;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'suppression_not_found';
  };
  /** All clients, by name. */
  listClients: {
    input: {
      query?: {
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly clients: readonly (S.ListedClient)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Make a client. */
  createClient: {
    input: {
      body: {
        /** One line that does not begin or end with a space; no two clients have the same. */
        readonly name: string;
      };
    };
    answer: S.Client;
    problem: 'address_not_allowed' | 'client_disabled' | 'client_exists' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** A client, its limits, and what it has submitted today. */
  getClient: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: S.Client;
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** Change a client. */
  changeClient: {
    input: {
      params: {
        readonly id: string;
      };
      body?: {
        readonly disabled?: boolean;
        readonly failure_notices?: boolean;
        readonly track_opens?: boolean;
        readonly daily_limits?: {
          readonly critical?: number;
          readonly medium?: number;
          readonly low?: number;
        };
        readonly rate_limits?: {
          readonly send?: {
            /** Requests a second. */
            readonly rate: number;
            /** Requests at once. Default: those of two seconds. */
            readonly burst?: number;
          } | null;
          readonly read?: {
            /** Requests a second. */
            readonly rate: number;
            /** Requests at once. Default: those of two seconds. */
            readonly burst?: number;
          } | null;
        };
        readonly retention?: {
          readonly content_days?: number | null;
          readonly record_days?: number | null;
        };
      };
    };
    answer: S.Client;
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'own_client' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** A client’s API keys. */
  listKeys: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: {
      readonly keys: readonly (S.ApiKey)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** Make a new API key. */
  createKey: {
    input: {
      params: {
        readonly id: string;
      };
      body?: {
        /** Whose it is, or what for. */
        readonly name?: string;
        /** Makes it an operator’s key, which has to have a name. */
        readonly role?: 'viewer' | 'operator' | 'admin';
        /** The same as the role `admin`, from before there were roles. */
        readonly operator?: boolean;
        /** What a client’s key may. Default: `send`, `read`, `suppressions`. */
        readonly scopes?: readonly ('send' | 'read' | 'content' | 'suppressions' | 'admin')[];
        /** Where it is taken from; default: from everywhere. */
        readonly allowed_addresses?: readonly (string)[];
        /** Until when it is taken; default: until it is revoked. */
        readonly expires_at?: string;
        /** Of this key alone, beside its client’s. */
        readonly rate_limits?: {
          readonly send?: {
            /** Requests a second. */
            readonly rate: number;
            /** Requests at once. Default: those of two seconds. */
            readonly burst?: number;
          } | null;
          readonly read?: {
            /** Requests a second. */
            readonly rate: number;
            /** Requests at once. Default: those of two seconds. */
            readonly burst?: number;
          } | null;
        };
      };
    };
    answer: S.CreatedApiKey;
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_keys' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Replace an API key by a new one. */
  rotateKey: {
    input: {
      params: {
        readonly id: string;
        readonly key: string;
      };
      body?: {
        /** How long the old one is taken still. */
        readonly overlap_hours?: number;
      };
    };
    answer: S.RotatedApiKey;
    problem: 'address_not_allowed' | 'already_rotated' | 'client_disabled' | 'client_not_found' | 'configured_key' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'key_ended' | 'key_not_found' | 'malformed_request' | 'missing_api_key' | 'not_a_key' | 'rate_limited' | 'too_large' | 'too_many_keys' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Revoke an API key. */
  revokeKey: {
    input: {
      params: {
        readonly id: string;
        readonly key: string;
      };
    };
    answer: undefined;
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'insufficient_role' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'key_not_found' | 'missing_api_key' | 'own_key' | 'rate_limited';
  };
  /** As whom a client may send. */
  listSenders: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: {
      readonly senders: readonly (S.AllowedSender)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'insufficient_scope' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'rate_limited';
  };
  /** Allow a client to send as somebody. */
  addSender: {
    input: {
      params: {
        readonly id: string;
      };
      body: {
        /** `orders@example.com`; `example.com`: every address of this domain; `*.example.com`: of every domain below it; `*`: anybody. */
        readonly sender: string;
      };
    };
    answer: {
      readonly senders: readonly (S.AllowedSender)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_senders' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Take it back that a client may send as somebody. */
  removeSender: {
    input: {
      params: {
        readonly id: string;
        /** `orders@example.com`; `example.com`: every address of this domain; `*.example.com`: of every domain below it; `*`: anybody. */
        readonly sender: string;
      };
    };
    answer: undefined;
    problem: 'address_not_allowed' | 'client_disabled' | 'client_not_found' | 'cross_site_request' | 'database_unavailable' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'sender_not_found';
  };
  /** Everything at a glance. */
  getOverview: {
    input: {};
    answer: S.Overview;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** How many workers each priority should have, and why. */
  getScale: {
    input: {};
    answer: {
      readonly as_of: string;
      readonly priorities: readonly (S.Scale)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** The queue of each priority. */
  listQueues: {
    input: {};
    answer: {
      readonly queues: readonly (S.Queue)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Stop sending, of one priority or of all. */
  pauseQueue: {
    input: {
      params: {
        readonly priority: 'critical' | 'medium' | 'low' | 'all';
      };
      body: {
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      readonly queues: readonly (S.Queue)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'queue_not_found' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Start sending again. */
  resumeQueue: {
    input: {
      params: {
        readonly priority: 'critical' | 'medium' | 'low' | 'all';
      };
      body?: Readonly<Record<string, unknown>>;
    };
    answer: {
      readonly queues: readonly (S.Queue)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'queue_not_found' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** The providers: switches, breakers, quotas. */
  listProviders: {
    input: {};
    answer: {
      readonly providers: readonly (S.Provider)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Switch a provider, force its breaker, set its limits. */
  changeProvider: {
    input: {
      params: {
        readonly name: 'mailgun' | 'mandrill' | 'smtp';
      };
      body: {
        readonly enabled?: boolean;
        /** The breaker’s state by your word; null leaves it to the breaker. */
        readonly forced?: 'open' | 'closed' | null;
        /** Calls a second, over all processes; null: no limit. */
        readonly rate_per_s?: number | null;
        /** Calls a day, counted from midnight UTC; null: no limit. */
        readonly per_day?: number | null;
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      readonly providers: readonly (S.Provider)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'provider_not_found' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** The builds of the workers, and what still runs on each. */
  listBuilds: {
    input: {};
    answer: {
      /** What operators want; null: nothing yet, and Temporal’s own routing stays as it is. */
      readonly wanted: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        /** What was current before: where a rollback leads. */
        readonly previous: string | null;
        readonly reason: string | null;
        readonly changed_at: string;
        /** Whose key it was, as `client` or `client/key`; null: not known. */
        readonly changed_by: string | null;
      } | null;
      /** How Temporal routes, as last seen. */
      readonly seen: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        readonly at: string;
      } | null;
      readonly builds: readonly (S.Build)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Have all e-mails begin on a build. */
  promoteBuild: {
    input: {
      params: {
        readonly build: string;
      };
      body: {
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      /** What operators want; null: nothing yet, and Temporal’s own routing stays as it is. */
      readonly wanted: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        /** What was current before: where a rollback leads. */
        readonly previous: string | null;
        readonly reason: string | null;
        readonly changed_at: string;
        /** Whose key it was, as `client` or `client/key`; null: not known. */
        readonly changed_by: string | null;
      } | null;
      /** How Temporal routes, as last seen. */
      readonly seen: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        readonly at: string;
      } | null;
      readonly builds: readonly (S.Build)[];
    };
    problem: 'address_not_allowed' | 'build_not_found' | 'build_without_workers' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Have some of a hundred e-mails begin on a build. */
  rampBuild: {
    input: {
      params: {
        readonly build: string;
      };
      body: {
        /** Of a hundred e-mails that begin, how many begin on it. */
        readonly percent: number;
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      /** What operators want; null: nothing yet, and Temporal’s own routing stays as it is. */
      readonly wanted: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        /** What was current before: where a rollback leads. */
        readonly previous: string | null;
        readonly reason: string | null;
        readonly changed_at: string;
        /** Whose key it was, as `client` or `client/key`; null: not known. */
        readonly changed_by: string | null;
      } | null;
      /** How Temporal routes, as last seen. */
      readonly seen: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        readonly at: string;
      } | null;
      readonly builds: readonly (S.Build)[];
    };
    problem: 'address_not_allowed' | 'build_is_current' | 'build_not_found' | 'build_without_workers' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Take the last step back. */
  rollBackBuild: {
    input: {
      body: {
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      /** What operators want; null: nothing yet, and Temporal’s own routing stays as it is. */
      readonly wanted: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        /** What was current before: where a rollback leads. */
        readonly previous: string | null;
        readonly reason: string | null;
        readonly changed_at: string;
        /** Whose key it was, as `client` or `client/key`; null: not known. */
        readonly changed_by: string | null;
      } | null;
      /** How Temporal routes, as last seen. */
      readonly seen: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        readonly at: string;
      } | null;
      readonly builds: readonly (S.Build)[];
    };
    problem: 'address_not_allowed' | 'build_not_found' | 'build_without_workers' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'nothing_to_roll_back' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Have e-mails begin on workers without a build. */
  unsetBuild: {
    input: {
      body: {
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      /** What operators want; null: nothing yet, and Temporal’s own routing stays as it is. */
      readonly wanted: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        /** What was current before: where a rollback leads. */
        readonly previous: string | null;
        readonly reason: string | null;
        readonly changed_at: string;
        /** Whose key it was, as `client` or `client/key`; null: not known. */
        readonly changed_by: string | null;
      } | null;
      /** How Temporal routes, as last seen. */
      readonly seen: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        readonly at: string;
      } | null;
      readonly builds: readonly (S.Build)[];
    };
    problem: 'address_not_allowed' | 'build_without_workers' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Have nothing stay with a build. */
  retireBuild: {
    input: {
      params: {
        readonly build: string;
      };
      body: {
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      /** What operators want; null: nothing yet, and Temporal’s own routing stays as it is. */
      readonly wanted: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        /** What was current before: where a rollback leads. */
        readonly previous: string | null;
        readonly reason: string | null;
        readonly changed_at: string;
        /** Whose key it was, as `client` or `client/key`; null: not known. */
        readonly changed_by: string | null;
      } | null;
      /** How Temporal routes, as last seen. */
      readonly seen: {
        /** Gets what begins; null: workers without a build do. */
        readonly current: string | null;
        /** Gets its share of what begins. */
        readonly ramping: {
          readonly build_id: string;
          readonly percent: number;
        } | null;
        readonly at: string;
      } | null;
      readonly builds: readonly (S.Build)[];
    };
    problem: 'address_not_allowed' | 'build_is_current' | 'build_not_found' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Everything at a glance, again and again. */
  watchOverview: {
    input: {};
    answer: Blob;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_many_viewers';
  };
  /** How it stood. */
  listSamples: {
    input: {
      query?: {
        /** Default: an hour before `to`. */
        readonly from?: string;
        /** Default: now. */
        readonly to?: string;
        readonly points?: number;
      };
    };
    answer: {
      readonly samples: readonly ({
        /** The beginning of its interval. */
        readonly at: string;
        readonly sample: {
          /** By priority. */
          readonly queues: Readonly<Record<string, Readonly<Record<string, number | string | boolean | null>>>>;
          /** By priority. */
          readonly flow: Readonly<Record<string, Readonly<Record<string, number | string | boolean | null>>>>;
          /** By provider; calls are those of five minutes. */
          readonly providers: Readonly<Record<string, Readonly<Record<string, number | string | boolean | null>>>>;
          /** Waiting. */
          readonly dead_letters: number;
        };
      })[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Which mail is held. */
  listHolds: {
    input: {};
    answer: {
      readonly holds: readonly (S.Hold)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Hold mail by client, domain or tag. */
  holdMail: {
    input: {
      body: {
        readonly client?: string;
        /** Of the sender’s address; no others below it. */
        readonly sender_domain?: string;
        /** Of the receiver’s address; no others below it. */
        readonly receiver_domain?: string;
        readonly tag?: string;
        /** Only this one; to stop a priority as a whole, pause it. */
        readonly priority?: 'critical' | 'medium' | 'low';
        /** Refuse submissions with `503 held`, rather than accept and hold them. */
        readonly reject?: boolean;
        /** Why, in one line. */
        readonly reason: string;
      };
    };
    answer: {
      readonly id: string;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_holds' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Release held mail. */
  releaseHold: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: undefined;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'hold_not_found' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Retry, cancel or reroute many e-mails, or discard dead letters. */
  beginJob: {
    input: {
      body: {
        /** `retry`: those that are `dead`, unless `status` names others. `discard`: open dead letters, which are closed; their e-mails can still be retried. `cancel`, `reroute`: those that no provider has. */
        readonly kind: 'retry' | 'discard' | 'cancel' | 'reroute';
        readonly filter?: {
          /** One address. Case does not matter; `a+b@…` and `a@…` are two. */
          readonly receiver?: string;
          /** One address. Case does not matter; `a+b@…` and `a@…` are two. */
          readonly sender?: string;
          /** One of these. Default: see `kind`. */
          readonly status?: readonly (string)[];
          readonly priority?: 'critical' | 'medium' | 'low';
          readonly client?: string;
          readonly tag?: string;
          /** Names with the text, number or truth value that each has, as a text. */
          readonly metadata?: Readonly<Record<string, string>>;
          readonly receiver_domain?: string;
          /** Of the last attempt. */
          readonly code?: string;
          /** Of the last attempt. */
          readonly provider?: 'mailgun' | 'mandrill' | 'smtp';
          /** Those alone whose last attempt has no code, or that have none. */
          readonly without_code?: true;
          /** Those alone that no provider was ever asked to take. */
          readonly without_provider?: true;
          readonly dead_reason?: 'lifetime_over' | 'ambiguous' | 'stopped_in_temporal';
          /** Accepted at or after. Default: 30 days before `to`. */
          readonly from?: string;
          /** Accepted before. Default: now. */
          readonly to?: string;
        };
        /** Every one, instead of a filter. */
        readonly all?: true;
        /** `retry`, `reroute`: this provider and no other. `any`, of `reroute` alone: whichever admits it again. */
        readonly through?: 'mailgun' | 'mandrill' | 'smtp' | 'any';
        /** `retry`: to a corrected address. Each counts as a submission of its client. */
        readonly corrected?: {
          /** The receiver of all of them; the filter must name the one they have. */
          readonly receiver?: string;
          /** Behind each address instead of the filter’s `receiver_domain`. */
          readonly domain?: string;
        };
        /** Why, in one line. */
        readonly reason: string;
        /** The most e-mails a second. */
        readonly rate_per_s?: number;
        /** Only say what it would do. */
        readonly dry_run?: boolean;
      };
    };
    answer: {
      readonly dry_run: boolean;
      /** Null in a dry run. */
      readonly job: S.Job | null;
      /** Null unless in a dry run. */
      readonly preview: {
        /** How many there are. */
        readonly matched: number;
        /** False: there are more, which there was no time to count. */
        readonly complete: boolean;
        readonly by_status: Readonly<Record<string, number>>;
        readonly by_priority: Readonly<Record<string, number>>;
        /** The twenty with the most. */
        readonly by_client: Readonly<Record<string, number>>;
        /** Of them, by the reason. */
        readonly would_skip: Readonly<Record<string, number>>;
        /** The first twenty. */
        readonly sample: readonly (string)[];
      } | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_jobs' | 'too_many_searches' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Jobs, the newest first. */
  listJobs: {
    input: {
      query?: {
        readonly state?: 'planning' | 'running' | 'stopped' | 'done' | 'failed';
        readonly kind?: 'cancel' | 'discard' | 'drop_month' | 'reroute' | 'retention' | 'retry';
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly jobs: readonly (S.Job)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Drop a month of e-mails for good. */
  dropMonth: {
    input: {
      params: {
        readonly month: string;
      };
      body: {
        readonly reason: string;
        /** Only say what there is. */
        readonly dry_run?: boolean;
      };
    };
    answer: {
      readonly dry_run: boolean;
      /** Null in a dry run. */
      readonly job: S.Job | null;
      /** About so many. */
      readonly emails: number;
      /** In the database. */
      readonly bytes: number;
      /** E-mails that still have something to do: they keep the month. */
      readonly unfinished: number;
      /** They keep it, too: retry or discard them. */
      readonly open_dead_letters: number;
      /** Some of those that keep it. */
      readonly examples: readonly (string)[];
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'month_in_use' | 'month_not_found' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_jobs' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** A job and its progress. */
  getJob: {
    input: {
      params: {
        readonly id: string;
      };
    };
    answer: S.Job;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'job_not_found' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** A job’s report, item by item. */
  listJobItems: {
    input: {
      params: {
        readonly id: string;
      };
      query?: {
        readonly state?: 'pending' | 'done' | 'skipped' | 'failed';
        readonly code?: string;
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly items: readonly (S.JobItem)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'job_not_found' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Stop a job. */
  stopJob: {
    input: {
      params: {
        readonly id: string;
      };
      body?: {
        /** For the audit. */
        readonly reason?: string;
      };
    };
    answer: S.Job;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'job_not_found' | 'job_over' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Go on with a stopped job. */
  resumeJob: {
    input: {
      params: {
        readonly id: string;
      };
      body?: {
        /** For the audit. */
        readonly reason?: string;
      };
    };
    answer: S.Job;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'job_not_found' | 'job_over' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_jobs' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Webhooks that name no e-mail that we know, the latest first. */
  listUnmatchedWebhooks: {
    input: {
      query?: {
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly webhooks: readonly (S.UnmatchedWebhook)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Who did what, the latest first. */
  listAudit: {
    input: {
      query?: {
        /** As `queue.pause`. */
        readonly action?: string;
        readonly source?: 'api' | 'cli' | 'console' | 'temporal';
        /** Who did it. */
        readonly client?: string;
        /** By which key. */
        readonly key?: string;
        /** Of the target. */
        readonly kind?: 'queue' | 'provider' | 'client' | 'key' | 'email' | 'dead_letter' | 'hold' | 'job' | 'routing' | 'person' | 'sender' | 'suppression';
        /** Its id; of an entry of a list also the entry. */
        readonly target?: string;
        /** At or after. */
        readonly from?: string;
        /** Before. */
        readonly to?: string;
        /** At most so many on one page. */
        readonly limit?: number;
        readonly cursor?: string;
      };
    };
    answer: {
      readonly acts: readonly (S.Act)[];
      /** Hand it back as `cursor` to get the next page; null when there is none. */
      readonly next_cursor: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Forget whoever has an address. */
  forgetPerson: {
    input: {
      body: {
        /** Exactly one address, bare or with a display name. */
        readonly address: string;
        /** Why, in one line; for the audit, so without the address. */
        readonly reason: string;
        /** Only count the e-mails. */
        readonly dry_run?: boolean;
      };
    };
    answer: {
      readonly dry_run: boolean;
      /** How many e-mails this request has removed; in a dry run, how many there are, up to 100,000. */
      readonly emails: number;
      /** Nothing is left. False in a dry run. */
      readonly complete: boolean;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Hand out what is kept of whoever has an address. */
  exportPerson: {
    input: {
      body: {
        /** Exactly one address, bare or with a display name. */
        readonly address: string;
      };
    };
    answer: Blob;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'insufficient_role' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'malformed_request' | 'missing_api_key' | 'operator_only' | 'rate_limited' | 'too_large' | 'too_many_downloads' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** How many e-mails a provider had in time, to the e-mail. */
  getServiceLevels: {
    input: {
      query?: {
        /** First deadlines at or after this hour; 24 hours before `to`. */
        readonly from?: string;
        /** First deadlines before this; the end of the current hour. */
        readonly to?: string;
        /** How long a period is; in UTC. */
        readonly by?: 'hour' | 'day' | 'month';
        readonly priority?: 'critical' | 'medium' | 'low';
        /** Only this client’s. */
        readonly client?: string;
        /** A row for each client. */
        readonly per_client?: 'true' | 'false';
        /** The objective, in percent; `SERVICE_LEVEL_TARGET` when it is left out. */
        readonly target?: number;
      };
    };
    answer: S.ServiceLevels;
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** Who is signed in. */
  getSession: {
    input: {};
    answer: {
      /** Null: nobody is signed in. */
      readonly session: S.Session | null;
      /** Where people sign in, beside keys: at `GET /api/session/open-id`. Null: nowhere. */
      readonly identity_provider: string | null;
    };
    problem: 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'rate_limited';
  };
  /** Sign a browser in. */
  beginSession: {
    input: {
      body: {
        /** An API key. */
        readonly key?: string;
        /** Of an address that signs in once. */
        readonly token?: string;
      };
    };
    answer: {
      /** Null: nobody is signed in. */
      readonly session: S.Session | null;
      /** Where people sign in, beside keys: at `GET /api/session/open-id`. Null: nowhere. */
      readonly identity_provider: string | null;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'incomplete_body' | 'internal_error' | 'invalid_api_key' | 'invalid_fields' | 'invalid_link' | 'malformed_request' | 'rate_limited' | 'too_large' | 'unsupported_media_type' | 'upload_too_slow';
  };
  /** Sign out. */
  endSession: {
    input: {};
    answer: undefined;
    problem: 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'rate_limited';
  };
  /** Make an address that signs in once. */
  createSignInLink: {
    input: {};
    answer: {
      /** Below the api’s own address; the token is behind the `#`, which browsers send nowhere. */
      readonly path: string;
      readonly expires_at: string;
    };
    problem: 'address_not_allowed' | 'client_disabled' | 'cross_site_request' | 'database_unavailable' | 'internal_error' | 'invalid_api_key' | 'invalid_session' | 'missing_api_key' | 'operator_only' | 'rate_limited';
  };
  /** The operators’ console. */
  getConsole: {
    input: {};
    answer: Blob;
    problem: 'internal_error';
  };
  /** The console’s scripts. */
  getConsoleScript: {
    input: {
      params: {
        readonly file: string;
      };
    };
    answer: Blob;
    problem: 'internal_error' | 'not_found';
  };
  /** The console’s styles. */
  getConsoleStyle: {
    input: {
      params: {
        readonly file: string;
      };
    };
    answer: Blob;
    problem: 'internal_error' | 'not_found';
  };
  /** The console’s fonts. */
  getConsoleFont: {
    input: {
      params: {
        readonly file: string;
      };
    };
    answer: Blob;
    problem: 'internal_error' | 'not_found';
  };
  /** The operators’ console. */
  getConsoleScreen: {
    input: {
      params: {
        readonly screen: string;
      };
    };
    answer: Blob;
    problem: 'internal_error';
  };
  /** The operators’ console. */
  getConsoleItem: {
    input: {
      params: {
        readonly screen: string;
        readonly id: string;
      };
    };
    answer: Blob;
    problem: 'internal_error';
  };
  /** The tracking pixel. */
  recordOpen: {
    input: {
      params: {
        /** The e-mail’s id. */
        readonly id: string;
      };
    };
    answer: Blob;
    problem: 'internal_error';
  };
  /** Whether the process runs. */
  isAlive: {
    input: {};
    answer: {
      readonly status: 'ok';
    };
    problem: 'internal_error';
  };
  /** Whether the process can accept mail. */
  isReady: {
    input: {};
    answer: {
      readonly status: 'ready';
    };
    problem: 'database_not_migrated' | 'database_too_new' | 'database_unavailable' | 'internal_error' | 'stopping';
  };
  /** This description, as OpenAPI 3.1. */
  getDescription: {
    input: {};
    answer: Readonly<Record<string, unknown>>;
    problem: 'internal_error';
  };
  /** This description, as a page to read. */
  getReference: {
    input: {};
    answer: Blob;
    problem: 'internal_error';
  };
}

/** `scope`: what a client’s key needs, null: none will do; `role`: the least of an operator’s. Both null: for everybody. */
export const OPERATIONS = {
  sendEmail: { method: 'POST', path: '/api/send', answer: 'json', keyed: true, scope: 'send', role: 'admin' },
  searchEmails: { method: 'GET', path: '/api/emails', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  getEmail: { method: 'GET', path: '/api/email/{id}', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  getEmailContent: { method: 'GET', path: '/api/email/{id}/content', answer: 'json', keyed: false, scope: 'content', role: 'operator' },
  getEmailContentPage: { method: 'GET', path: '/api/email/{id}/content/page', answer: 'bytes', keyed: false, scope: 'content', role: 'operator' },
  getEmailAttachment: { method: 'GET', path: '/api/email/{id}/attachment', answer: 'bytes', keyed: false, scope: 'content', role: 'operator' },
  cancelEmail: { method: 'POST', path: '/api/email/{id}/cancel', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  rescheduleEmail: { method: 'POST', path: '/api/email/{id}/reschedule', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  retryEmail: { method: 'POST', path: '/api/email/{id}/retry', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  retryEmailNow: { method: 'POST', path: '/api/email/{id}/retry-now', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  resendEmail: { method: 'POST', path: '/api/email/{id}/resend', answer: 'json', keyed: true, scope: 'send', role: 'operator' },
  listDeadLetters: { method: 'GET', path: '/api/dead-letters', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  groupDeadLetters: { method: 'GET', path: '/api/dead-letters/groups', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  getDeadLetter: { method: 'GET', path: '/api/dead-letters/{id}', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  retryDeadLetters: { method: 'POST', path: '/api/dead-letters/retry', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  retryDeadLetter: { method: 'POST', path: '/api/dead-letters/{id}/retry', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  discardDeadLetter: { method: 'POST', path: '/api/dead-letters/{id}/discard', answer: 'json', keyed: false, scope: 'send', role: 'operator' },
  listSuppressions: { method: 'GET', path: '/api/suppressions', answer: 'json', keyed: false, scope: 'suppressions', role: 'viewer' },
  addSuppression: { method: 'POST', path: '/api/suppressions', answer: 'json', keyed: false, scope: 'suppressions', role: 'operator' },
  removeSuppression: { method: 'DELETE', path: '/api/suppressions/{address}', answer: 'none', keyed: false, scope: 'suppressions', role: 'operator' },
  listClients: { method: 'GET', path: '/api/clients', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  createClient: { method: 'POST', path: '/api/clients', answer: 'json', keyed: false, scope: null, role: 'admin' },
  getClient: { method: 'GET', path: '/api/clients/{id}', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  changeClient: { method: 'PATCH', path: '/api/clients/{id}', answer: 'json', keyed: false, scope: null, role: 'admin' },
  listKeys: { method: 'GET', path: '/api/clients/{id}/keys', answer: 'json', keyed: false, scope: 'admin', role: 'viewer' },
  createKey: { method: 'POST', path: '/api/clients/{id}/keys', answer: 'json', keyed: false, scope: 'admin', role: 'admin' },
  rotateKey: { method: 'POST', path: '/api/clients/{id}/keys/{key}/rotate', answer: 'json', keyed: false, scope: 'admin', role: 'admin' },
  revokeKey: { method: 'DELETE', path: '/api/clients/{id}/keys/{key}', answer: 'none', keyed: false, scope: 'admin', role: 'admin' },
  listSenders: { method: 'GET', path: '/api/clients/{id}/senders', answer: 'json', keyed: false, scope: 'read', role: 'viewer' },
  addSender: { method: 'POST', path: '/api/clients/{id}/senders', answer: 'json', keyed: false, scope: null, role: 'admin' },
  removeSender: { method: 'DELETE', path: '/api/clients/{id}/senders/{sender}', answer: 'none', keyed: false, scope: null, role: 'admin' },
  getOverview: { method: 'GET', path: '/api/admin/overview', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  getScale: { method: 'GET', path: '/api/admin/scale', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  listQueues: { method: 'GET', path: '/api/admin/queues', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  pauseQueue: { method: 'POST', path: '/api/admin/queues/{priority}/pause', answer: 'json', keyed: false, scope: null, role: 'operator' },
  resumeQueue: { method: 'POST', path: '/api/admin/queues/{priority}/resume', answer: 'json', keyed: false, scope: null, role: 'operator' },
  listProviders: { method: 'GET', path: '/api/admin/providers', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  changeProvider: { method: 'PATCH', path: '/api/admin/providers/{name}', answer: 'json', keyed: false, scope: null, role: 'operator' },
  listBuilds: { method: 'GET', path: '/api/admin/builds', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  promoteBuild: { method: 'POST', path: '/api/admin/builds/{build}/promote', answer: 'json', keyed: false, scope: null, role: 'operator' },
  rampBuild: { method: 'POST', path: '/api/admin/builds/{build}/ramp', answer: 'json', keyed: false, scope: null, role: 'operator' },
  rollBackBuild: { method: 'POST', path: '/api/admin/builds/rollback', answer: 'json', keyed: false, scope: null, role: 'operator' },
  unsetBuild: { method: 'POST', path: '/api/admin/builds/unset', answer: 'json', keyed: false, scope: null, role: 'operator' },
  retireBuild: { method: 'POST', path: '/api/admin/builds/{build}/retire', answer: 'json', keyed: false, scope: null, role: 'operator' },
  watchOverview: { method: 'GET', path: '/api/admin/stream', answer: 'bytes', keyed: false, scope: null, role: 'viewer' },
  listSamples: { method: 'GET', path: '/api/admin/samples', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  listHolds: { method: 'GET', path: '/api/admin/holds', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  holdMail: { method: 'POST', path: '/api/admin/holds', answer: 'json', keyed: false, scope: null, role: 'operator' },
  releaseHold: { method: 'DELETE', path: '/api/admin/holds/{id}', answer: 'none', keyed: false, scope: null, role: 'operator' },
  beginJob: { method: 'POST', path: '/api/admin/jobs', answer: 'json', keyed: false, scope: null, role: 'operator' },
  listJobs: { method: 'GET', path: '/api/admin/jobs', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  dropMonth: { method: 'POST', path: '/api/admin/months/{month}/drop', answer: 'json', keyed: false, scope: null, role: 'admin' },
  getJob: { method: 'GET', path: '/api/admin/jobs/{id}', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  listJobItems: { method: 'GET', path: '/api/admin/jobs/{id}/items', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  stopJob: { method: 'POST', path: '/api/admin/jobs/{id}/stop', answer: 'json', keyed: false, scope: null, role: 'operator' },
  resumeJob: { method: 'POST', path: '/api/admin/jobs/{id}/resume', answer: 'json', keyed: false, scope: null, role: 'operator' },
  listUnmatchedWebhooks: { method: 'GET', path: '/api/admin/unmatched-webhooks', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  listAudit: { method: 'GET', path: '/api/admin/audit', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  forgetPerson: { method: 'POST', path: '/api/admin/personal-data/forget', answer: 'json', keyed: false, scope: null, role: 'admin' },
  exportPerson: { method: 'POST', path: '/api/admin/personal-data/export', answer: 'bytes', keyed: false, scope: null, role: 'admin' },
  getServiceLevels: { method: 'GET', path: '/api/admin/service-levels', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  getSession: { method: 'GET', path: '/api/session', answer: 'json', keyed: false, scope: null, role: null },
  beginSession: { method: 'POST', path: '/api/session', answer: 'json', keyed: false, scope: null, role: null },
  endSession: { method: 'DELETE', path: '/api/session', answer: 'none', keyed: false, scope: null, role: null },
  createSignInLink: { method: 'POST', path: '/api/session/links', answer: 'json', keyed: false, scope: null, role: 'viewer' },
  getConsole: { method: 'GET', path: '/console', answer: 'bytes', keyed: false, scope: null, role: null },
  getConsoleScript: { method: 'GET', path: '/console/scripts/{file}', answer: 'bytes', keyed: false, scope: null, role: null },
  getConsoleStyle: { method: 'GET', path: '/console/styles/{file}', answer: 'bytes', keyed: false, scope: null, role: null },
  getConsoleFont: { method: 'GET', path: '/console/fonts/{file}', answer: 'bytes', keyed: false, scope: null, role: null },
  getConsoleScreen: { method: 'GET', path: '/console/{screen}', answer: 'bytes', keyed: false, scope: null, role: null },
  getConsoleItem: { method: 'GET', path: '/console/{screen}/{id}', answer: 'bytes', keyed: false, scope: null, role: null },
  recordOpen: { method: 'GET', path: '/api/email/{id}/open', answer: 'bytes', keyed: false, scope: null, role: null },
  isAlive: { method: 'GET', path: '/healthz', answer: 'json', keyed: false, scope: null, role: null },
  isReady: { method: 'GET', path: '/readyz', answer: 'json', keyed: false, scope: null, role: null },
  getDescription: { method: 'GET', path: '/openapi.json', answer: 'json', keyed: false, scope: null, role: null },
  getReference: { method: 'GET', path: '/docs', answer: 'bytes', keyed: false, scope: null, role: null },
} as const;
