export {
  type AnswerOf,
  type FollowOptions,
  type InputOf,
  type ItemOf,
  type ListId,
  type OperationId,
  type SendOptions,
  Tempost,
} from './client.js';
export {
  type FieldFault,
  NoAnswerError,
  type ProblemCode,
  ProblemError,
  TempostError,
  UnexpectedAnswerError,
} from './errors.js';
export type * from './generated/schemas.js';
export type { Attachment as AttachedFile, Submission } from './submission.js';
export type { RequestOptions, TempostOptions } from './transport.js';
