import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { isDatabaseOutOfReach } from '../../../db/database-failures.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('time limits of the database connections', () => {
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createTestDatabase();
    db = connect({ url: database.url, poolSize: 1, applicationName: 'test' });
  });
  after(async () => {
    await db.destroy();
    await database.drop();
  });

  const settingOf = async (name: string): Promise<string | undefined> =>
    (await db.raw<{ rows: { value: string }[] }>('select current_setting(?) as value', [name])).rows[0]
      ?.value;

  it('each connection asks the server to end slow statements and forgotten transactions', async () => {
    assert.equal(await settingOf('statement_timeout'), '10s');
    assert.equal(await settingOf('idle_in_transaction_session_timeout'), '30s');
  });

  it('a statement that took too long may be repeated, and its connection is used again', async () => {
    await assert.rejects(
      db.transaction(async (trx) => {
        await trx.raw("set local statement_timeout = '20ms'");
        await trx.raw('select pg_sleep(10)');
      }),
      isDatabaseOutOfReach,
    );
    assert.equal(await settingOf('statement_timeout'), '10s');
  });

  it('a forgotten transaction holds its locks no longer, and the pool replaces its connection', async () => {
    await assert.rejects(
      db.transaction(async (trx) => {
        await trx.raw("set local idle_in_transaction_session_timeout = '20ms'");
        await trx.raw('lock table orders.products');
        // Free for another session as soon as the server has ended this one.
        await database.db.raw('select from orders.products');
        await trx.raw('select 1');
      }),
      isDatabaseOutOfReach,
    );
    assert.equal(await settingOf('idle_in_transaction_session_timeout'), '30s');
  });
});
