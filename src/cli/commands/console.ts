import type { Commands } from '../command.js';

interface Link {
  readonly path: string;
  readonly expires_at: string;
}

export const consoleCommands: Commands = {
  console: {
    usage: '',
    summary: 'an address of the console that signs you in once',
    example: 'tempost console',
    words: 0,
    help: `What you may do there is what your key may. The address works once, for a quarter of an hour; give it to nobody.`,
    async run(api) {
      const json = await api.call<Link>('POST', '/api/session/links');
      return { json, text: `${api.url}${json.path}` };
    },
  },
};
