export { freePort, freePorts } from '../../src/dev/ports.js';
