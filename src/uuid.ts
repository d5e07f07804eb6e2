const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text could be the id of an e-mail; anything else must not reach the database, which would refuse it. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** When a UUIDv7 was made, in milliseconds since 1970. @returns undefined for other versions. */
export const millisOfUuid = (uuid: string): number | undefined =>
  uuid[14] === '7' ? Number.parseInt(uuid.replace('-', '').slice(0, 12), 16) : undefined;
