import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  type Migration,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';

/** Answers what migrations ask of an empty database: the time, and that nothing is there. */
class RecordingDriver extends DummyDriver {
  constructor(private readonly statements: string[]) {
    super();
  }

  override async acquireConnection() {
    return {
      executeQuery: async ({ sql }: CompiledQuery) => {
        this.statements.push(sql);
        return { rows: /^\s*select now\(\)\s*$/i.test(sql) ? ([{ now: new Date() }] as never[]) : [] };
      },
      streamQuery: () => {
        throw new Error('A migration reads no stream.');
      },
    };
  }
}

/** @returns the statements that a migration runs, as they are sent. No server is needed. */
export async function recordStatements(migration: Pick<Migration, 'up'>): Promise<string[]> {
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new RecordingDriver(statements),
      createIntrospector: (schema) => new PostgresIntrospector(schema),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  // As the migrator does; some steps ask for it.
  await db.transaction().execute((transaction) => migration.up(transaction));
  return statements;
}
