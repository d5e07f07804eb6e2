/** The providers that Tempost can send through: a folder and a line each. See docs/adding-a-provider.md. */
export { mailgun } from './mailgun/index.js';
export { mandrill } from './mandrill/index.js';
export { smtp } from './smtp/index.js';
