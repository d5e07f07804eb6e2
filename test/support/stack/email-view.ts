/** The answer of `GET /api/email/{id}`, as far as tests look at it. */
export interface EmailView {
  readonly id: string;
  readonly status: string;
  readonly provider: string | null;
  readonly created_at: string;
  readonly sent_at: string | null;
  readonly attachment: { readonly sha256: string; readonly storage_path: string | null } | null;
  readonly events: readonly {
    type: string;
    provider: string | null;
    occurred_at: string;
    metadata: Record<string, unknown>;
  }[];
  readonly attempts: readonly { provider: string; state: string; code: string | null }[];
}
