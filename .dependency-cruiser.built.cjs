// The rules of imports that do not concern types: they read what the build made, where imports of types are gone.
// All others are in .dependency-cruiser.cjs, and read the sources.
const within = (...folders) => `^dist/src/(${folders.join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'the-record-calls-nobody',
      severity: 'error',
      from: { path: within('domain', 'postgres') },
      to: { path: within('providers', 'storage') },
    },
    {
      name: 'a-webhook-format-calls-nobody',
      severity: 'error',
      from: { path: ['^dist/src/providers/[^/]+/webhook', '^dist/src/providers/webhook-format/'] },
      to: { path: ['^(node:)?(http|https|net|tls)$', 'node_modules/(mailgun[.]js|nodemailer|form-data)/'] },
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
          'domain',
          'providers',
          'storage',
          'postgres',
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
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.js'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
