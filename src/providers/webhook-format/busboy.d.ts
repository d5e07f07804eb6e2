/** What we use of it; it brings no declarations of its own. */
declare module 'busboy' {
  import type { Writable } from 'node:stream';

  interface Options {
    readonly headers: { readonly 'content-type': string };
    readonly limits: { readonly fields: number; readonly fieldSize: number; readonly parts: number };
  }

  /** @throws Error when the media type is none that it can parse. */
  function busboy(options: Options): Writable;
  export = busboy;
}
