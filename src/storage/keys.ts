const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
const MAX_KEY_LENGTH = 512;

/**
 * Lets a key through that is a plain relative path: no segment begins with a dot, so none leads upwards, and none is
 * hidden or empty.
 *
 * @throws Error for any other.
 */
export function checkedKey(key: string): string {
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) throw new Error('not an object key');
  return key;
}
