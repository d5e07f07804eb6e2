export { email } from './email.js';
export { job } from './job.js';
