import type { Command, Commands, OptionName } from './command.js';
import { auditCommands } from './commands/audit.js';
import { clientCommands } from './commands/clients.js';
import { consoleCommands } from './commands/console.js';
import { deadLetterCommands } from './commands/dead-letters.js';
import { emailCommands } from './commands/emails.js';
import { holdCommands } from './commands/holds.js';
import { jobCommands } from './commands/jobs.js';
import { keyCommands } from './commands/keys.js';
import { personalDataCommands } from './commands/personal-data.js';
import { providerCommands } from './commands/providers.js';
import { queueCommands } from './commands/queues.js';
import { recoverCommands } from './commands/recover.js';
import { searchCommands } from './commands/search.js';
import { sendCommands } from './commands/send.js';
import { senderCommands } from './commands/senders.js';
import { serviceLevelCommands } from './commands/service-levels.js';
import { suppressionCommands } from './commands/suppressions.js';
import { completionFor } from './completion.js';
import { deployCommands } from './deploy.js';

const completionCommands: Commands = {
  completion: {
    usage: 'bash|zsh|fish',
    summary: 'what a shell needs to complete commands and options',
    example: 'tempost completion bash',
    words: 1,
    help: `bash  source <(tempost completion bash)
zsh   source <(tempost completion zsh)   # after compinit
fish  tempost completion fish | source`,
    runAlone([shell]) {
      const text = completionFor(shell, COMMANDS);
      return { json: { shell, script: text }, text };
    },
  },
};

export const GROUPS: readonly [title: string, commands: Commands][] = [
  ['Sending', { ...sendCommands, ...queueCommands, ...holdCommands, ...serviceLevelCommands }],
  ['Providers', providerCommands],
  ['E-mails', { ...searchCommands, ...emailCommands }],
  ['Dead letters', deadLetterCommands],
  ['Jobs', jobCommands],
  ['Suppressions', suppressionCommands],
  ['Audit', auditCommands],
  ['Personal data', personalDataCommands],
  ['Upgrades', deployCommands],
  ['Clients', { ...clientCommands, ...keyCommands, ...senderCommands }],
  ['Recovery', recoverCommands],
  ['Console', consoleCommands],
  ['Shell', completionCommands],
];
export const COMMANDS: Commands = Object.assign({}, ...GROUPS.map(([, commands]) => commands));

/** What every command understands. */
const COMMON_OPTIONS: readonly OptionName[] = ['json', 'help'];

/** The options of a command, the common ones last. */
export const optionsOf = ({ options = [] }: Command): readonly OptionName[] => [...options, ...COMMON_OPTIONS];

export const usageOf = (name: string, { usage }: Command): string => `tempost ${name} ${usage}`.trimEnd();

/** What a command's own help says beneath its usage. */
export function descriptionOf({ summary, help }: Command): string {
  const sentence = `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;
  return help ? `${sentence}\n\n${help}` : sentence;
}
