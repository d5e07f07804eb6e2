// Imports go one way, as src/README.md draws it.
// These rules hold for the sources, and so for imports of types as well. What may know another's types, but never run
// its code, is ruled in .dependency-cruiser.built.cjs. swc reads the sources, because dependency-cruiser does not know
// TypeScript 7.
require.resolve('@swc/core/Visitor.js'); // Without it nothing would be read, and nothing be found.

const within = (...folders) => `^src/(${folders.join('|')})/`;
const domain = (...rooms) => `^src/domain/(${rooms.join('|')})/`;

const PROCESSES = ['api', 'webhooks', 'dispatcher', 'worker', 'cli', 'dev'];

/** Rooms of the domain, the lowest first: each may use those before it. */
const ROOMS = [
  'audit',
  'clients',
  'sessions',
  'suppressions',
  'holds',
  'signals',
  'emails',
  'search',
  'notices',
  'transitions',
  'dead-letters',
  'provider-health',
  'queue',
  'fleets',
  'actions',
  'attempts',
  'waiting',
  'service-levels',
  'samples',
  'tracking',
  'personal-data',
  'retention',
  'jobs',
  'recovery',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'processes-do-not-know-each-other',
      comment: 'What they share is below them. The command line finds a running `npm start` by what that wrote down.',
      severity: 'error',
      from: { path: '^src/(api|webhooks|dispatcher|worker|cli|dev)/' },
      to: { path: within(...PROCESSES), pathNot: '^src/$1/|^src/dev/(run-state|settings)[.]ts$' },
    },
    {
      name: 'nothing-below-knows-a-process',
      severity: 'error',
      from: { path: '^src/', pathNot: within(...PROCESSES) },
      to: { path: within(...PROCESSES) },
    },
    {
      name: 'only-the-worker-calls-providers',
      severity: 'error',
      from: { path: within('api', 'webhooks', 'dispatcher') },
      to: {
        path: within('activities', 'providers', 'storage'),
        pathNot: [
          '^src/storage/reader[.]ts$',
          '^src/providers/(registry|definition)[.]ts$',
          '^src/providers/webhook-format/',
        ],
      },
    },
    {
      name: 'the-api-and-the-dispatcher-know-providers-by-name',
      comment: 'Which the configuration tells.',
      severity: 'error',
      from: { path: within('api', 'dispatcher') },
      to: { path: within('providers') },
    },
    {
      name: 'the-api-only-reads-attachments',
      comment: 'Only who shows them may read them, and by what cannot write.',
      severity: 'error',
      from: { path: within('webhooks', 'dispatcher') },
      to: { path: within('storage') },
    },
    {
      name: 'adapters-are-made-for-the-worker',
      comment: 'And for the recovery, which asks providers and sends nothing.',
      severity: 'error',
      from: { path: '^src/', pathNot: within('worker', 'recovery') },
      to: { path: '^src/providers/adapters[.]ts$' },
    },
    {
      name: 'a-provider-is-reached-by-its-definition',
      comment: 'So its adapter and its webhook format are loaded by whoever needs them, and by nobody else.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/providers/([^/]+/|index[.]ts$)' },
      to: { path: '^src/providers/[^/]+/', pathNot: '^src/providers/(calls|webhook-format)/' },
    },
    {
      name: 'providers-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/providers/([^/]+)/' },
      to: { path: '^src/providers/[^/]+/', pathNot: '^src/providers/($1|calls|webhook-format)/' },
    },
    {
      name: 'only-adapters-call-out',
      comment: 'A definition, settings and a webhook format are read by processes that must not call a provider.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/providers/(calls/|[^/]+/(adapter|taxonomy)[.]ts$)' },
      to: { path: '^src/providers/(calls/|[^/]+/(adapter|taxonomy)[.]ts$)', dependencyTypesNot: ['dynamic-import'] },
    },
    {
      name: 'activities-know-no-workflow',
      severity: 'error',
      from: {
        path: within(
          'activities',
          'recovery',
          'domain',
          'providers',
          'storage',
          'temporal',
          'postgres',
          'http',
          'process',
        ),
      },
      to: { path: within('workflows') },
    },
    {
      name: 'the-domain-knows-no-activity',
      severity: 'error',
      from: { path: within('domain', 'providers', 'storage', 'temporal', 'postgres', 'http', 'process') },
      to: { path: within('activities', 'recovery') },
    },
    ...ROOMS.map((room, index) => ({
      name: `domain-${room}-knows-only-rooms-below`,
      severity: 'error',
      from: { path: domain(room) },
      to: { path: '^src/domain/', pathNot: domain(...ROOMS.slice(0, index + 1)) },
    })),
    {
      name: 'every-room-has-its-place',
      comment: 'A new room of the domain is named in the list above.',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: domain(...ROOMS) },
      to: {},
    },
    {
      name: 'adapters-and-the-ground-know-no-domain',
      severity: 'error',
      from: { path: within('providers', 'storage', 'temporal', 'postgres', 'http', 'process') },
      to: { path: within('domain') },
    },
    {
      name: 'adapters-stand-alone',
      severity: 'error',
      from: { path: '^src/(providers|storage|temporal|postgres)/' },
      to: { path: within('providers', 'storage', 'temporal', 'postgres'), pathNot: '^src/$1/' },
    },
    {
      name: 'the-sandbox-is-a-stranger',
      comment: 'It stands in for the providers: it may know their protocols, never our code.',
      severity: 'error',
      from: { path: '^sandbox/' },
      to: { path: '^(src|migrations)/' },
    },
    {
      name: 'the-client-stands-alone',
      comment: 'It is copied into programs that have nothing else of ours, and runs in browsers.',
      severity: 'error',
      from: { path: '^client/' },
      to: { pathNot: '^client/' },
    },
    {
      name: 'nobody-knows-the-console',
      comment: 'Whom it may know is in scripts/console-imports.mjs.',
      severity: 'error',
      from: { path: '^(src|client|sandbox|migrations)/' },
      to: { path: '^console/' },
    },
    {
      name: 'the-command-line-alone-uses-the-client',
      severity: 'error',
      from: { path: '^(src|sandbox|migrations)/', pathNot: within('cli') },
      to: { path: '^client/' },
    },
    {
      name: 'migrations-are-frozen',
      comment: 'What they wrote once they write for ever: no rule that changes. An index is made by the name it has.',
      severity: 'error',
      from: { path: '^migrations/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(postgres/(partitions|contract)|domain/(tracking/message-index|search/indexes|personal-data/resent-index))[.]ts$',
      },
    },
    {
      name: 'the-product-knows-neither-sandbox-nor-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(sandbox|bench|drills|test)/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '[.]test[.]ts$' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
