// The api in a process of its own that watches its memory; spoken to over IPC by the memory test.
import { pino } from 'pino';
import { startApi } from '../../../src/api/server.js';
import { answerMeasurements } from './answer.js';
import { apiConfig } from './api-config.js';

answerMeasurements(await startApi(apiConfig(process.env.DATABASE_URL!), pino({ level: 'silent' })));
