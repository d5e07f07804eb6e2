/** A statement taken apart as far as the rules need it. */
export interface Statement {
  /** In lower case, with single spaces; texts and bodies of functions are left out. */
  readonly text: string;
  /** The table that is altered, indexed or written, without schema and quotes. */
  readonly table: string | undefined;
  /** The actions of an `alter table`, each by itself. */
  readonly actions: readonly string[];
}

const TABLE_OF = [
  /^alter table (?:if exists )?(?:only )?([\w.]+)/,
  /^create (?:unique )?index (?:concurrently )?(?:if not exists )?(?:\w+ )?on (?:only )?([\w.]+)/,
  /^(?:update|insert into|delete from|truncate(?: table)?) (?:only )?([\w.]+)/,
];

/** @returns the statements of a text; several may stand in one, separated by `;`. */
export function readStatements(sql: string): Statement[] {
  const plain = sql
    .replaceAll(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .replaceAll(/'(?:[^']|'')*'/g, "''")
    .replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
    .replaceAll('"', '')
    .toLowerCase();
  return plain
    .split(';')
    .map((part) => part.replaceAll(/\s+/g, ' ').trim())
    .filter((text) => text !== '')
    .map((text) => ({ text, table: tableOf(text), actions: actionsOf(text) }));
}

function tableOf(text: string): string | undefined {
  const found = TABLE_OF.map((pattern) => pattern.exec(text)?.[1]).find(Boolean);
  return found?.replace(/^public\./, '');
}

function actionsOf(text: string): string[] {
  const head = /^alter table (?:if exists )?(?:only )?[\w.]+ /.exec(text)?.[0];
  return head ? splitAtCommas(text.slice(head.length)) : [];
}

/** At the commas that stand in no brackets. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(' || text[at] === '[') depth++;
    else if (text[at] === ')' || text[at] === ']') depth--;
    else if (text[at] === ',' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...parts, text.slice(from).trim()];
}
