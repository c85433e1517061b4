// The architecture is the tree: who may import whom, checked by `npm run check` and by test/architecture.
const { builtinModules } = require('node:module');

/**
 * A folder of ours may import these folders of ours (and itself). The one exception prepares databases for all of
 * them: it also makes the read tables.
 */
const allowed = {
  domain: [],
  platform: ['domain/characters\\.ts'],
  workflows: ['domain'],
  db: ['domain', 'platform'],
  messaging: ['domain'],
  activities: ['domain', 'db', 'messaging', 'platform'],
  projections: ['domain', 'db', 'messaging', 'platform'],
  api: [
    'domain',
    'db',
    'messaging',
    'platform',
    'projections/queries',
    'projections/order-summary\\.ts',
    'projections/parking/(decisions|diagnosis)\\.ts',
  ],
  worker: ['domain', 'db', 'messaging', 'platform', 'activities', 'workflows'],
};
const ours = [...Object.keys(allowed), 'bench', 'dev', 'test'];

const folderRules = Object.entries(allowed).map(([folder, others]) => ({
  name: `folders-${folder}`,
  comment: `${folder}/ may import ${others.length > 0 ? others.join(', ') : 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${folder}/`, pathNot: '^db/migrate\\.main\\.ts$' },
  to: { path: `^(${ours.join('|')})/`, pathNot: `^(${[folder, ...others].join('|')})` },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    {
      name: 'outbox-is-liftable',
      comment:
        'db/outbox can be copied into another project: it imports knex, pg, what Node brings and nothing of ours',
      severity: 'error',
      from: { path: '^db/outbox/' },
      to: {
        pathNot: '^(db/outbox/|node_modules/(knex|pg|@types/pg)/)',
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'domain-is-pure',
      comment: 'domain/ imports zod and nothing else',
      severity: 'error',
      from: { path: '^domain/' },
      to: { pathNot: '^(domain/|node_modules/zod/)' },
    },
    {
      name: 'sandbox',
      comment: 'nothing that workflows reach, also by type imports, may touch the host',
      severity: 'error',
      from: { path: '^workflows/' },
      to: {
        reachable: true,
        path: [
          '^(api|activities|bench|db|dev|messaging|platform|projections|test|worker)/',
          `^(${builtinModules.join('|')})$`,
          '^node_modules/(pg|knex|nats|express|pino)/',
        ],
      },
    },
    {
      name: 'sandbox-packages',
      comment: 'workflows/ imports the domain and the workflow SDK',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { pathNot: '^(workflows/|domain/|node_modules/@temporalio/(workflow|common)/)' },
    },
    {
      name: 'checker-shares-no-code',
      comment: 'what checks the system after faults must not repeat its mistakes',
      severity: 'error',
      from: { path: '^test/fault/checker/' },
      to: { pathNot: '^(test/fault/checker/|node_modules/(pg|nats|@temporalio/client)/)' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'entry-points-are-not-imported',
      comment: '*.main.ts has side effects at import',
      severity: 'error',
      from: {},
      to: { path: '\\.main\\.ts$' },
    },
    {
      name: 'unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'development-packages-stay-out',
      comment: 'what runs in production uses production dependencies',
      severity: 'error',
      from: { pathNot: '^(dev|test|bench)/|^eslint\\.config\\.js$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|node_modules)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
