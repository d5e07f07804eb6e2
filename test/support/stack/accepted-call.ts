/** One accepted call in the sandbox's acceptance log. */
export interface AcceptedCall {
  readonly provider: string;
  readonly email_id: string;
  readonly generation: number;
  readonly attempt: number;
  readonly accepted_at: string;
  readonly attachment_sha256: readonly string[];
}
