/**
 * Temporal's SDK keeps a stack of every promise of a workflow, for the "call stack" in the Web UI, and maps each of its
 * frames to our sources. Of ten frames, the default, hardly one is ours, and they cost more than what the workflow does.
 * With four, the line at which an e-mail waits is still in it. Loaded before any workflow: afterwards `Error` is frozen.
 */
Error.stackTraceLimit = 4;

export {};
