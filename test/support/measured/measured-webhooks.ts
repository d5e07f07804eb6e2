// The webhooks service in a process of its own that watches its memory; spoken to over IPC by the tests of abuse.
import { startTestWebhooks } from '../webhooks.js';
import { answerMeasurements } from './answer.js';

answerMeasurements(await startTestWebhooks({ databaseUrl: process.env.DATABASE_URL!, temporalAddress: '127.0.0.1:1' }));
