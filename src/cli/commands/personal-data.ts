import { writeFile } from 'node:fs/promises';
import { type Commands, need } from '../command.js';

interface Forgotten {
  readonly dry_run: boolean;
  readonly emails: number;
  readonly complete: boolean;
}

const FORGET = '/api/admin/personal-data/forget';
/** A person with many e-mails, over a slow line. */
const EXPORT_MS = 30 * 60_000;

export const personalDataCommands: Commands = {
  export: {
    usage: 'ADDRESS --to-file FILE',
    summary: 'all that is kept of whoever has an address, as a tar archive',
    example: 'tempost export ada@example.org --to-file ada.tar',
    words: 1,
    options: ['to-file'],
    help: '--to-file FILE                 only you can read it; one that is there is not overwritten',
    async run(api, [word], values) {
      const address = need(word, 'The address');
      const file = need(values['to-file'], '--to-file');
      const archive = await api.request('exportPerson', { body: { address } }, { timeoutMs: EXPORT_MS, retries: 0 });
      await writeFile(file, archive.stream(), { mode: 0o600, flag: 'wx' });
      return { json: { address, file, bytes: archive.size }, text: `${file}: ${archive.size} bytes.` };
    },
  },
  forget: {
    usage: 'ADDRESS --reason TEXT [--dry-run]',
    summary: 'forget whoever has an address: their e-mails and all that belongs to them',
    example: "tempost forget ada@example.org --reason 'she asked for it' --dry-run",
    words: 1,
    options: ['reason', 'dry-run'],
    help: `--dry-run                      only count the e-mails
What is stopped half-way goes on when it is called again.`,
    async *run(api, [word], values) {
      const address = need(word, 'The address');
      const body = { address, reason: need(values.reason, '--reason'), dry_run: values['dry-run'] === true };
      let emails = 0;
      for (;;) {
        const part = await api.call<Forgotten>('POST', FORGET, body);
        emails += part.emails;
        if (part.dry_run) return yield { json: part, text: `${emails} e-mails would be forgotten.` };
        if (part.complete) break;
        yield { json: part, text: `${emails} e-mails so far.`, isPiece: true };
      }
      yield { json: { emails, complete: true }, text: `Forgotten: ${emails} e-mails.`, isPiece: true };
    },
  },
};
