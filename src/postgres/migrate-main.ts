import { openDatabase } from './database.js';
import { migrate } from './migrate.js';

// Reads DATABASE_URL only: in a cluster the job that migrates knows nothing of providers or storage.
const url = process.env.DATABASE_URL;
if (!url || !/^postgres(ql)?:\/\//.test(url)) {
  console.error('DATABASE_URL: required, the PostgreSQL to migrate, as postgres://user:password@host:port/database');
  process.exit(1);
}

const db = openDatabase({ url, poolSize: 1, name: 'migrate', logger: { warn: () => {} }, silenceMs: 0 });
try {
  const { ran, newer } = await migrate(db);
  if (ran.length > 0) console.log(`Migrated: ${ran.join(', ')}.`);
  else if (newer.length === 0) console.log('The database is up to date.');
  else console.log(`A newer release has migrated the database (${newer.join(', ')}); this one works with it.`);
} catch (error) {
  console.error(`The migration failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await db.destroy();
}
