/**
 * The change version that a run carries which an operator's reset began: Temporal lists it in the search attribute
 * `TemporalChangeVersion`. Histories hold it; it is never renamed.
 */
export const RESET_MARK = 'reset-by-operator';
