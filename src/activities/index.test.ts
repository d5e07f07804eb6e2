import { expect, it } from 'vitest';
import { EMAIL_ACTIVITIES } from '../temporal/names.js';
import { createRecordActivities, createSendActivities } from './index.js';

it('the activities of e-mails are those by whose names pauses made in Temporal are found', () => {
  const none = {} as never;
  const names = Object.keys({ ...createRecordActivities(none), ...createSendActivities(none) });
  expect(names.toSorted()).toEqual([...EMAIL_ACTIVITIES].toSorted());
});
