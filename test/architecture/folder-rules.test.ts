import assert from 'node:assert/strict';
import { violationsIn, violationsOf } from '../support/folder-rules.ts';

describe('the folder rules', function () {
  this.timeout(60_000);

  it('hold for the whole tree', async () => {
    assert.deepEqual(await violationsOf(), []);
  });

  const host = { 'db/connection.ts': 'export type Knex = object; export const connect = 1;' };
  const planted: Record<string, { files: Record<string, string>; found: string }> = {
    'a workflow that imports a type of the database': {
      files: {
        'workflows/saga.ts': "import type { Knex } from '../db/connection.ts'; export type K = Knex;",
      },
      found: 'folders-workflows: workflows/saga.ts → db/connection.ts',
    },
    'a workflow that reaches Node through the domain': {
      files: {
        'workflows/saga.ts': "import { read } from '../domain/order.ts'; read();",
        'domain/order.ts': "import { readFileSync } from 'node:fs'; export const read = readFileSync;",
      },
      found: 'sandbox: workflows/saga.ts → fs',
    },
    'a domain that knows the database': {
      files: { 'domain/order.ts': "import { connect } from '../db/connection.ts'; connect;" },
      found: 'folders-domain: domain/order.ts → db/connection.ts',
    },
    'an outbox that knows the application': {
      files: { 'db/outbox/append.ts': "import { connect } from '../connection.ts'; connect;" },
      found: 'outbox-is-liftable: db/outbox/append.ts → db/connection.ts',
    },
    'an outbox that needs another package': {
      files: { 'db/outbox/relay.ts': "import { connect } from 'nats'; connect;" },
      found: 'outbox-is-liftable: db/outbox/relay.ts → nats',
    },
    'a query API that runs sagas': {
      files: {
        'api/query-app.ts': "import { orderSaga } from '../workflows/order-saga.ts'; orderSaga;",
        'workflows/order-saga.ts': 'export const orderSaga = 1;',
      },
      found: 'folders-api: api/query-app.ts → workflows/order-saga.ts',
    },
    'a projection that reads what the API holds': {
      files: {
        'projections/sales.ts': "import { app } from '../api/command-app.ts'; app;",
        'api/command-app.ts': 'export const app = 1;',
      },
      found: 'folders-projections: projections/sales.ts → api/command-app.ts',
    },
    'a checker that uses the code that it checks': {
      files: {
        'test/fault/checker/facts.ts': "import { connect } from '../../../db/connection.ts'; connect;",
      },
      found: 'checker-shares-no-code: test/fault/checker/facts.ts → db/connection.ts',
    },
    'an entry point that is imported': {
      files: {
        'worker/workers.ts': "import './worker.main.ts';",
        'worker/worker.main.ts': 'export {};',
      },
      found: 'entry-points-are-not-imported: worker/workers.ts → worker/worker.main.ts',
    },
    'a circle': {
      files: {
        'domain/a.ts': "import { b } from './b.ts'; export const a = () => b;",
        'domain/b.ts': "import { a } from './a.ts'; export const b = () => a;",
      },
      found: 'no-circles: domain/a.ts → domain/b.ts',
    },
  };
  for (const [name, { files, found }] of Object.entries(planted)) {
    it(`find ${name}`, async () => {
      const violations = await violationsIn({ ...host, ...files });
      assert.ok(violations.includes(found), violations.join('\n'));
    });
  }
});
