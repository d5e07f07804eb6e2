// Imports go one way, as docs/architecture.md draws it:
// api, webhooks, dispatcher, worker → activities → providers, storage, db → config.
// These rules hold for the sources, and so for imports of types as well. What may know another's types, but never run
// its code, is ruled in .dependency-cruiser.built.cjs. swc reads the sources, because dependency-cruiser does not know
// TypeScript 7.
require.resolve('@swc/core/Visitor.js'); // Without it nothing would be read, and nothing be found.

const within = (...folders) => `^src/(${folders.join('|')})/`;

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
      from: { path: '^src/(api|webhooks|dispatcher|worker)/' },
      to: { path: within('api', 'webhooks', 'dispatcher', 'worker', 'dev'), pathNot: '^src/$1/' },
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
      from: { path: '^src/(providers|storage)/' },
      to: { path: within('providers', 'storage', 'db'), pathNot: '^src/$1/' },
    },
    {
      name: 'the-sandbox-is-a-stranger',
      comment: 'It stands in for the providers: it may know their protocols, never our code.',
      severity: 'error',
      from: { path: '^sandbox/' },
      to: { path: '^(src|migrations)/' },
    },
    {
      name: 'the-product-never-knows-the-sandbox',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(sandbox|bench)/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '[.]test[.]ts$' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
