import type { CompiledQuery, Kysely } from 'kysely';
import type { Database } from '../schema.js';

/** What stands in a statement for a value that is given when it is run. */
class Placeholder {
  constructor(readonly name: string) {}

  /** A value that was reckoned with while the statement was written would be the same for every run. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(`the value of "${this.name}" is known only when the statement is run`);
  }

  toJSON(): never {
    return this[Symbol.toPrimitive]();
  }
}

/** Stands for the values of every statement: each name gives its placeholder. */
const PLACEHOLDERS = new Proxy(
  {},
  {
    get: (_, name) => new Placeholder(String(name)),
    ownKeys: () => {
      throw new TypeError('the values of a statement are taken by their names');
    },
  },
);

/** A query of Kysely's, or one in its `sql`. */
interface Statement<Row> {
  compile(db: Kysely<Database>): CompiledQuery<Row>;
}

/**
 * A statement that is compiled when it is first run. Kysely writes a statement anew for each call; what most e-mails ask
 * for is written once (what that brought: `docs/performance.md`).
 *
 * @param build makes the statement. The values it is given are placeholders, which may stand in it wherever a parameter
 *   may. Neither `if`, `??` nor `===` can ask what they will be: what depends on that is a statement of its own.
 * @returns runs it, on a connection or in a transaction, and resolves to its rows; throws at once when it cannot be made,
 *   so that a transaction ends there.
 */
export function compileOnce<Values extends object, Row>(
  build: (db: Kysely<Database>, values: Values) => Statement<Row>,
): (db: Kysely<Database>, values: Values) => Promise<Row[]> {
  let compiled: CompiledQuery<Row> | undefined;
  return (db, values) => {
    compiled ??= build(db, PLACEHOLDERS as Values).compile(db);
    const parameters = compiled.parameters.map((it) =>
      it instanceof Placeholder ? values[it.name as keyof Values] : it,
    );
    return db.executeQuery<Row>({ ...compiled, parameters }).then(({ rows }) => rows);
  };
}
