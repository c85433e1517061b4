import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { keepPartitions } from '../../../db/outbox/partitions.ts';
import { grantRights } from '../../../db/roles.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestRoles, type TestRoles } from '../../support/roles.ts';

type Process = keyof TestRoles['names'];

const schemas = ['orders', 'inventory', 'payments', 'shipping', 'messaging', 'read'];
const insertEvent = `
  insert into messaging.outbox
    (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
  values (gen_random_uuid(), 0, 'test', 'a', 1, 'Happened', '{}', '{}')`;
const PERMISSION_DENIED = { code: '42501' };

// What a process does as its own user is proven by the system tests, which run all four that way.
describe('the users of the processes', () => {
  let database: TestDatabase;
  let roles: TestRoles;
  const pools = new Map<Process, Knex>();

  before(async () => {
    database = await createTestDatabase();
    roles = await createTestRoles(database);
    for (const process of Object.keys(roles.names) as Process[])
      pools.set(process, connect({ url: roles.urlFor(process), poolSize: 1, applicationName: 'test' }));
  });
  after(async () => {
    for (const pool of pools.values()) await pool.destroy();
    await roles.drop();
    await database.drop();
  });

  const as = (process: Process, sql: string): Promise<unknown> =>
    Promise.resolve(pools.get(process)!.raw(sql));

  const forbidden: readonly [Process, string][] = [
    ['commandApi', 'update orders.audit set subject = null'],
    ['commandApi', 'delete from orders.audit'],
    ['commandApi', 'truncate orders.audit'],
    ['commandApi', "update orders.orders set status = 'COMPLETED'"],
    ['commandApi', 'update orders.products set price_minor = 0'],
    ['commandApi', 'update inventory.stock set on_hand = 0'],
    ['commandApi', 'select from payments.ledger'],
    ['commandApi', 'select from read.order_summary'],
    ['commandApi', 'update read.parked_events set body = body'],
    ['commandApi', 'delete from read.parked_events'],
    ['commandApi', 'update messaging.outbox set payload = payload'],
    ['commandApi', 'update messaging.outbox_cursor set epoch = epoch + 1'],
    ['commandApi', "update orders.idempotency_keys set key = 'another'"],
    ['commandApi', 'delete from orders.idempotency_keys'],
    ['worker', 'insert into orders.idempotency_keys default values'],
    ['worker', 'update orders.idempotency_keys set created_at = now()'],
    ['queryApi', 'select from orders.orders'],
    ['queryApi', 'select from payments.payments'],
    ['queryApi', 'select from messaging.outbox'],
    ['queryApi', 'update read.order_summary set status = status'],
    ['worker', 'update read.order_summary set status = status'],
    ['worker', 'delete from read.sales'],
    ['worker', 'update orders.products set price_minor = 0'],
    ['worker', 'delete from orders.orders'],
    ['worker', 'select from orders.audit'],
    ['worker', 'delete from orders.audit'],
    ['worker', 'update orders.audit set subject = null'],
    ['worker', 'truncate orders.audit'],
    ['projector', 'insert into orders.audit select from orders.audit'],
    ['queryApi', 'select from orders.audit'],
    ['worker', 'update messaging.outbox set payload = payload'],
    ['worker', 'delete from messaging.outbox'],
    ['worker', 'drop table messaging.outbox_first'],
    ['worker', 'delete from messaging.outbox_first'],
    ['worker', 'truncate messaging.outbox_default'],
    ['worker', "select messaging.outbox_why_kept('outbox_first', now())"],
    ['commandApi', "select messaging.outbox_add_partition('2100-01-01')"],
    ['commandApi', "select messaging.outbox_drop_partition('outbox_first', now())"],
    ['projector', "select messaging.outbox_drop_partition('outbox_first', now())"],
    ['worker', 'update payments.ledger set amount_minor = 0'],
    ['worker', 'delete from shipping.bookings'],
    ['projector', 'select from shipping.bookings'],
    ['worker', 'update orders.order_lines set quantity = 1'],
    ['projector', 'insert into orders.products values (null, null, 0, null, 1)'],
    ['projector', 'select from orders.orders'],
    ['projector', 'update inventory.stock set reserved = 0'],
    ['projector', 'select from messaging.outbox'],
    ['projector', 'delete from read.order_summary'],
    ['projector', 'delete from read.checkpoints'],
    ['queryApi', 'delete from read.projectors'],
    ['queryApi', "update read.parked_events set state = 'RETRY'"],
  ];
  for (const [process, sql] of forbidden)
    it(`${process} may not: ${sql}`, () => assert.rejects(as(process, sql), PERMISSION_DENIED));

  for (const process of ['commandApi', 'queryApi', 'worker', 'projector'] as const)
    it(`${process} may neither change nor make tables`, async () => {
      for (const schema of schemas)
        await assert.rejects(as(process, `create table ${schema}.mine ()`), PERMISSION_DENIED);
      await assert.rejects(as(process, 'create table mine ()'), PERMISSION_DENIED);
      await assert.rejects(as(process, 'drop table read.sales'), PERMISSION_DENIED);
    });

  it('may do what their process does', async () => {
    await as('commandApi', 'select from orders.products, orders.orders, orders.order_lines');
    await as('queryApi', 'select from read.order_summary, read.checkpoints, read.sales');
    await as('worker', 'select from orders.orders for update');
    await as('worker', 'delete from messaging.outbox_journal where false');
    await as('worker', 'select from messaging.outbox_dropped');
    await as('worker', 'select from read.order_summary, read.sales, orders.products');
    // What an audit reads of the simulated provider and carrier.
    await as('worker', 'select from payments.ledger, shipping.bookings');
    await as('worker', 'delete from orders.idempotency_keys where false');
    await as('projector', 'update read.checkpoints set owner = null');
    await as('projector', 'delete from read.projectors');
    await as('projector', 'delete from read.parked_events');
    await as('commandApi', "update read.parked_events set state = 'RETRY' where false");
  });

  it('the worker makes and drops partitions, and still owns none', async () => {
    const db = pools.get('worker')!;
    const report = await keepPartitions(db, {
      schema: 'messaging',
      ahead: 5,
      retentionMs: 24 * 3_600_000,
      now: new Date(Date.now() + 5 * 24 * 3_600_000),
      streamHolds: () => Promise.resolve({ created: 'first', lastSequence: 0 }),
    });
    assert.equal(report.created.length, 6);
    assert.ok(report.dropped.includes('outbox_first'));
    const { rows } = await database.db.raw<{ rows: unknown[] }>(
      "select relname from pg_class where relname like 'outbox%' and relowner = cast(? as regrole)",
      [roles.names.worker],
    );
    assert.deepEqual(rows, []);
    await assert.rejects(as('worker', `select from messaging.${report.created[0]}`), PERMISSION_DENIED);
    await as('commandApi', insertEvent);
    assert.equal((await database.db('messaging.outbox').select()).length, 1);
  });

  it('there is no table that nobody was given', async () => {
    const { rows } = await database.db.raw<{ rows: { name: string }[] }>(
      `select format('%s.%I', relnamespace::regnamespace, relname) as name from pg_class
      where relnamespace = any (cast(? as regnamespace[])) and relkind in ('r', 'p') and not relispartition
        and oid <> 'messaging.outbox_versions'::regclass -- orders and products count their own
        and not exists (
          select from unnest(cast(? as text[])) as role where has_any_column_privilege(role, oid, 'select, insert'))`,
      [schemas, Object.values(roles.names)],
    );
    assert.deepEqual(rows, []);
  });

  it('lose what was granted beside the rule, at the next migration', async () => {
    const { db } = database;
    await db.raw('grant update on orders.products to ??', [roles.names.commandApi]);
    await as('commandApi', 'update orders.products set price_minor = 0');
    await grantRights({ write: db, read: db }, roles.names);
    await assert.rejects(as('commandApi', 'update orders.products set price_minor = 0'), PERMISSION_DENIED);
  });

  it('that a server does not have are passed over', async () => {
    const absent = { ...roles.names, worker: 'orders_worker_absent' };
    const granted = await grantRights({ write: database.db, read: database.db }, absent);
    assert.deepEqual(granted, [absent.commandApi, absent.queryApi, absent.projector]);
  });
});
