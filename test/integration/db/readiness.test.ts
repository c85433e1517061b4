import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { pingTables } from '../../../db/readiness.ts';
import { messageOf } from '../../../platform/error-serializer.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestRoles, type TestRoles } from '../../support/roles.ts';

const LOCK_TIMEOUT = { name: 'NotReady', message: 'a table that is needed is locked' };
const processes = ['commandApi', 'worker', 'queryApi', 'projector'] as const;

describe('readiness of the database', () => {
  let database: TestDatabase;
  let roles: TestRoles;
  const pools = new Map<string, Knex>();
  const ping = (process: (typeof processes)[number]): Promise<void> =>
    pingTables(pools.get(process)!, process);

  before(async () => {
    database = await createTestDatabase();
    roles = await createTestRoles(database);
    for (const process of processes)
      pools.set(process, connect({ url: roles.urlFor(process), poolSize: 1, applicationName: 'test' }));
  });
  after(async () => {
    for (const pool of pools.values()) await pool.destroy();
    await roles.drop();
    await database.drop();
  });

  /** Holds a lock that keeps every reader out while `act` runs. */
  const whileLocked = (table: string, act: () => Promise<void>): Promise<void> =>
    database.db.transaction(async (trx) => {
      await trx.raw('lock table ?? in access exclusive mode', [table]);
      await act();
    });

  for (const process of processes)
    it(`the ${process} may read every table that its readiness names`, () => ping(process));

  it('a locked table makes those processes unready that need it, in less than 2 s, and no other', async () => {
    await whileLocked('inventory.stock', async () => {
      const began = Date.now();
      await assert.rejects(ping('worker'), LOCK_TIMEOUT);
      assert.ok(Date.now() - began < 2_000);
      for (const other of ['commandApi', 'queryApi', 'projector'] as const) await ping(other);
    });
    await ping('worker');
  });

  it('the command API is not ready while orders cannot be written', async () => {
    await whileLocked('orders.orders', () => assert.rejects(ping('commandApi'), LOCK_TIMEOUT));
    await ping('commandApi');
  });

  it('the read side is not ready while its tables are locked', async () => {
    await whileLocked('read.order_summary', async () => {
      await assert.rejects(ping('queryApi'), LOCK_TIMEOUT);
      await assert.rejects(ping('projector'), LOCK_TIMEOUT);
    });
    await ping('queryApi');
  });

  it('a database whose sessions begin without triggers makes a process that writes unready', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.db.raw(`alter database ${name} set session_replication_role = replica`);
    const fresh = connect({ url: database.url, poolSize: 1, applicationName: 'test' });
    try {
      await assert.rejects(pingTables(fresh, 'worker'), {
        message: 'takes no writes: triggers and foreign keys are off (session_replication_role)',
      });
    } finally {
      await fresh.destroy();
      await database.db.raw(`alter database ${name} reset session_replication_role`);
    }
  });

  it('a database that takes no writes makes those processes unready that write, and the query API is ready', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.db.raw(`alter database ${name} set default_transaction_read_only = on`);
    const saidBy = async (process: (typeof processes)[number]): Promise<string> => {
      // A session keeps the default that it began with.
      const fresh = connect({ url: roles.urlFor(process), poolSize: 1, applicationName: 'test' });
      const told = await pingTables(fresh, process).then(() => 'ready', messageOf);
      await fresh.destroy();
      return told;
    };
    try {
      assert.equal(await saidBy('queryApi'), 'ready');
      for (const process of ['commandApi', 'worker', 'projector'] as const)
        assert.equal(await saidBy(process), 'takes no writes: it is set to read-only');
    } finally {
      await database.db.transaction(async (trx) => {
        await trx.raw('set transaction read write');
        await trx.raw(`alter database ${name} reset default_transaction_read_only`);
      });
    }
  });

  it('the limit on locks ends with the check', async () => {
    await ping('worker');
    const { rows } = await pools
      .get('worker')!
      .raw<{ rows: { lock_timeout: string }[] }>('show lock_timeout');
    assert.equal(rows[0]?.lock_timeout, '0');
  });
});
