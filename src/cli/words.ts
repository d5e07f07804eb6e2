/** What exit codes mean. */
export const EXIT_CODES = {
  0: 'done',
  1: 'refused',
  2: 'not understood',
  3: 'no answer from the API',
  4: 'a followed e-mail came to another end',
} as const;

/** What is read of the environment. */
export const ENVIRONMENT = {
  TEMPOST_URL: 'the API’s address (default: http://127.0.0.1:3000)',
  TEMPOST_API_KEY: 'an API key; what operators do needs an operator’s',
} as const;
