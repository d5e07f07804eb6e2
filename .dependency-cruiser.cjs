// Imports go one way, as docs/architecture.md draws it:
// api, webhooks, dispatcher, worker → activities → providers, storage, db → config.
// It reads what the build made: there the type-only imports, which are allowed everywhere, are gone.
const within = (...folders) => `^dist/src/(${folders.join('|')})/`;

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
      name: 'services-do-not-know-each-other',
      comment: 'api, webhooks, dispatcher and worker are processes of their own; what they share is below them.',
      severity: 'error',
      from: { path: '^dist/src/(api|webhooks|dispatcher|worker)/' },
      to: { path: within('api', 'webhooks', 'dispatcher', 'worker', 'dev'), pathNot: '^dist/src/$1/' },
    },
    {
      name: 'activities-are-below-the-services',
      severity: 'error',
      from: { path: within('activities') },
      to: { path: within('api', 'webhooks', 'dispatcher', 'worker', 'workflows', 'dev') },
    },
    {
      name: 'only-the-worker-runs-activities',
      severity: 'error',
      from: { path: within('api', 'webhooks', 'dispatcher') },
      to: { path: within('activities', 'providers', 'storage') },
    },
    {
      name: 'the-bottom-knows-nothing-above-it',
      severity: 'error',
      from: { path: within('providers', 'storage', 'db') },
      to: {
        path: within('api', 'webhooks', 'dispatcher', 'worker', 'workflows', 'activities', 'dev'),
      },
    },
    {
      name: 'providers-and-storage-stand-alone',
      severity: 'error',
      from: { path: '^dist/src/(providers|storage)/' },
      to: { path: within('providers', 'storage', 'db'), pathNot: '^dist/src/$1/' },
    },
    {
      name: 'the-record-calls-nobody',
      severity: 'error',
      from: { path: within('db') },
      to: { path: within('providers', 'storage') },
    },
    {
      name: 'the-command-line-speaks-to-the-api',
      severity: 'error',
      from: { path: within('cli') },
      to: {
        path: within(
          'api',
          'webhooks',
          'dispatcher',
          'worker',
          'workflows',
          'activities',
          'providers',
          'storage',
          'db',
        ),
      },
    },
    {
      name: 'workflow-code-is-pure',
      comment: 'Workflow code is replayed: types, and what the sandbox of @temporalio/workflow offers, nothing else.',
      severity: 'error',
      from: { path: within('workflows') },
      to: {
        pathNot: '^(dist/src/workflows/|node_modules/@temporalio/(workflow|common)/)',
      },
    },
    {
      name: 'the-sandbox-is-a-stranger',
      comment: 'It stands in for the providers: it may know their protocols, never our code.',
      severity: 'error',
      from: { path: '^dist/sandbox/' },
      to: { path: '^dist/(src|migrations)/' },
    },
    {
      name: 'the-product-never-knows-the-sandbox',
      severity: 'error',
      from: { path: '^dist/src/' },
      to: { path: '^dist/(sandbox|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.js'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
