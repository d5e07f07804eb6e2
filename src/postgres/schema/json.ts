/** What `jsonb` columns hold. */
export type JsonObject = Record<string, unknown>;
