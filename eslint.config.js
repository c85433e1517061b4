import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Not written anywhere, and why not. */
const syntax = [
  { selector: 'ExportAllDeclaration', message: 'Name what is exported.' },
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: 'Only platform/config.ts reads the environment.',
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Numbers in messages are meant to be read as they are.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A name with a leading underscore says that the value is left out on purpose.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Exported functions are contracts; their types are written, not inferred.
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      'no-restricted-syntax': ['error', ...syntax],
    },
  },
  {
    files: ['{activities,api,db,messaging,projections,worker}/**/*.ts'],
    rules: {
      // Ids, causes and reasons may come from anywhere: `terminal` of platform/terminal.ts shows what hides in them.
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        ...syntax,
        {
          selector:
            'CallExpression[callee.property.name=/^(raw|query)$/] > :matches(TemplateLiteral[expressions.length>0], BinaryExpression)',
          message: 'SQL takes values as parameters; what is constant gets a name.',
        },
        {
          selector: 'CallExpression[callee.property.name="subscribe"]',
          message:
            'Use `subscribe` of messaging/subscribe.ts: an error thrown in a callback of the client closes the connection.',
        },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts', 'test/**/workflows/**/*.ts', 'test/**/walks/**/*.ts'],
    ignores: ['workflows/details.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@temporalio/workflow',
              importNames: ['setCurrentDetails'],
              message:
                'showDetails of workflows/details.ts takes Markdown, in which what people typed is escaped.',
            },
          ],
        },
      ],
    },
  },
  { files: ['platform/config.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    // Mocha's functions return nothing that is awaited, and chai-like assertion chains are not used.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
