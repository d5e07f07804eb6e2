import { UsageError } from './api.js';
import type { Commands, OptionName } from './command.js';

/** Options whose values are few and known. */
const VALUES: Partial<Record<OptionName, readonly string[]>> = { priority: ['critical', 'medium', 'low'] };
/** Words that follow a command. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  pause: ['critical', 'medium', 'low', 'all'],
  resume: ['critical', 'medium', 'low', 'all'],
  completion: ['bash', 'zsh', 'fish'],
};

/**
 * A script for a shell, made of the commands.
 *
 * @throws UsageError for another shell.
 */
export function completionFor(shell: string | undefined, commands: Commands): string {
  if (shell === 'bash') return bash(commands);
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
  if (shell === 'fish') return fish(commands);
  throw new UsageError('The shell is bash, zsh or fish.');
}

const optionWords = (commands: Commands, name: string) =>
  ['json', 'help', ...(commands[name]?.options ?? [])].map((option) => `--${option}`);

const firstWords = (commands: Commands) => [...new Set(Object.keys(commands).map((name) => name.split(' ')[0]!))];

const secondWords = (commands: Commands, first: string) =>
  Object.keys(commands).flatMap((name) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []));

/** For zsh, too, by its bashcompinit: nothing in it is bash's alone. */
function bash(commands: Commands): string {
  const ofTwo = Object.keys(commands).filter((name) => name.includes(' '));
  const cases = ofTwo.map((name) => `    "${name}") words="${optionWords(commands, name).join(' ')}" ;;`);
  const others = firstWords(commands).map((first) => {
    const options = optionWords(commands, first).join(' ');
    const words = [...secondWords(commands, first), ...(WORDS[first] ?? [])].join(' ');
    return `    "${first} "*) words="${options}"; [ "$COMP_CWORD" -ne 2 ] || words="${words} ${options}" ;;`;
  });
  const values = Object.entries(VALUES).map(([option, those]) => `    --${option}) words="${those.join(' ')}" ;;`);
  return `# tempost: bash completion
_tempost() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words="" second=""
  [ "$COMP_CWORD" -le 2 ] || second="\${COMP_WORDS[2]}"
  case "\${COMP_WORDS[1]} $second" in
${[...cases, ...others].join('\n')}
  esac
  [ "$COMP_CWORD" -ne 1 ] || words="help ${firstWords(commands).join(' ')}"
  case "$before" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tempost tempost`;
}

function fish(commands: Commands): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = firstWords(commands).flatMap((first) => {
    const after = `-n ${quote(`__fish_seen_subcommand_from ${first}`)}`;
    const names = [
      ...(commands[first] ? [first] : []),
      ...secondWords(commands, first).map((word) => `${first} ${word}`),
    ];
    const options = new Set(names.flatMap((name) => optionWords(commands, name)));
    const words = [...secondWords(commands, first), ...(WORDS[first] ?? [])];
    return [
      `complete -c tempost -n __fish_use_subcommand -f -a ${first} -d ${quote(commands[first]?.summary ?? '')}`,
      ...words.map((word) => `complete -c tempost ${after} -f -a ${word}`),
      ...[...options].map((option) => {
        const values = VALUES[option.slice(2) as OptionName];
        return `complete -c tempost ${after} -l ${option.slice(2)}${values ? ` -x -a ${quote(values.join(' '))}` : ''}`;
      }),
    ];
  });
  return ['# tempost: fish completion', ...lines].join('\n');
}
