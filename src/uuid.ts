const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text could be the id of an e-mail; anything else must not reach the database, which would refuse it. */
export const isUuid = (text: string): boolean => UUID.test(text);
