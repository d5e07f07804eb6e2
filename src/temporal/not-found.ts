import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';

/** gRPC's code. */
const NOT_FOUND = 5;

/** Whether Temporal has answered that it does not know what was asked for, in its own words or in the client's. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError || (isGrpcServiceError(error) && error.code === NOT_FOUND);
