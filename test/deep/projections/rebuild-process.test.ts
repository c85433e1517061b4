import assert from 'node:assert/strict';
import { connect } from '../../../db/connection.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { projections } from '../../../projections/projections.ts';
import { rebuild } from '../../../projections/rebuild/rebuild.ts';
import { sales } from '../../../projections/sales.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { runEntryPoint } from '../../support/entry-point.ts';
import { eventually } from '../../support/eventually.ts';
import { createReadSide, readTables, type ReadSide } from '../../support/read-side.ts';
import { createTestRoles } from '../../support/roles.ts';
import { natsUrl } from '../../support/servers.ts';

describe('rebuild as a process', () => {
  let side: ReadSide;
  let env: Record<string, string>;
  beforeEach(async () => {
    side = await createReadSide();
    env = {
      DATABASE_URL: side.database.url,
      NATS_URL: await natsUrl(),
      STREAM_PREFIX: side.topology.stream.replace('ORDERS', ''),
    };
  });
  afterEach(() => side.close());

  const history = (count: number): OrderEvent[] =>
    Array.from({ length: count }, () => orderHistory(stories.delivered)).flat();
  const generations = async (): Promise<Record<string, number>> => {
    const rows: { name: string; version: number }[] = await side
      .db('read.projections')
      .select('name', 'version');
    return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
  };
  const versions = Object.fromEntries(projections.map(({ name, version }) => [name, version]));

  it('killed in the middle leaves what is live as it was, and the next one begins again', async () => {
    side.startProjector();
    await side.untilApplied(await side.publish(history(300)));
    await side.db.raw('update read.sales set orders = orders + 1');
    const before = await readTables(side.db);
    const killed = runEntryPoint('projections/rebuild.main.ts', ['all'], { ...env, REBUILD_PAGE_SIZE: '1' });
    await eventually(
      async () => ((await side.db('read_next.order_summary').limit(1)).length > 0 ? true : undefined),
      { what: 'something is built' },
    );
    killed.child.kill('SIGKILL');
    await killed.ended;
    assert.ok((await side.db('read_next.order_summary')).length < 300, 'it was in the middle');
    assert.deepEqual(await readTables(side.db), before);
    const { code, output } = await runEntryPoint('projections/rebuild.main.ts', ['all'], env).ended;
    assert.equal(code, 0, output);
    assert.match(output, /sales: sales differs: .*\n(.*\n)*orders, products, sales.*: live now/);
    const check = await runEntryPoint('projections/rebuild.main.ts', ['all', '--check'], env).ended;
    assert.equal(check.code, 0, check.output);
  });

  it('--check ends with 1 when something differs, and what cannot be meant with 2', async () => {
    side.startProjector();
    await side.untilApplied(await side.publish(history(1)));
    await side.db.raw('update read.order_summary set total_minor = 0');
    const check = await runEntryPoint('projections/rebuild.main.ts', ['orders', '--check'], env).ended;
    assert.equal(check.code, 1, check.output);
    assert.match(check.output, /1 hold something else\n {2}different .*: total_minor/);
    const unknown = await runEntryPoint('projections/rebuild.main.ts', ['ordres'], env).ended;
    assert.equal(unknown.code, 2);
    assert.match(unknown.output, /there is no projection ordres\n(.*\n)*Projections of this release: orders/);
  });

  it('migrate builds what is raised or new and retires what is gone, while the release before goes on', async () => {
    // The release before: sales at another version with a column less, no products, and one that is gone since.
    await side.db.raw(`
      update read.projections set version = 0 where name = 'sales';
      alter table read.sales_orders drop column total_minor;
      drop table read.products;
      delete from read.projections where name = 'products';
      create table read.gone (id text primary key);
      insert into read.projections (name, version, tables) values ('gone', 3, '{gone}')`);
    const failures: string[] = [];
    const before = projections.filter(({ name }) => name !== 'products' && name !== 'sales');
    const gone = {
      ...sales,
      name: 'gone',
      version: 3,
      aggregates: [],
      figures: [],
      state: { ...sales.state, name: 'gone' },
    };
    const salesBefore = { ...sales, version: 0, aggregates: [] };
    side.startProjector({ failed: (error) => failures.push(String(error)) }, [...before, gone, salesBefore]);
    await side.untilApplied(await side.publish(history(5)));
    assert.deepEqual(failures, []);
    const { code, output } = await runEntryPoint('db/migrate.main.ts', [], env).ended;
    assert.equal(code, 0, output);
    assert.deepEqual(await generations(), versions);
    await eventually(() => Promise.resolve(failures[0]), {
      what: 'the projector of the release before says why it stands by',
    });
    assert.match(failures.join('\n'), /gone is missing there and v3 here/);
    await side.stopProjectors();
    side.startProjector();
    await side.untilApplied(await side.publish(history(5)));
    assert.equal(await rebuild(side.deps, projections, { checkOnly: true }), true, side.told.join('\n'));
    const kept: { name: string }[] = await side
      .db('read_previous.projections')
      .orderBy('name')
      .select('name');
    assert.deepEqual(
      kept.map(({ name }) => name),
      ['gone', 'sales'],
    );
  });

  it('migrate asks no NATS when nothing is to be built, and leaves what a newer release has made', async () => {
    const nowhere = { ...env, NATS_URL: 'nats://127.0.0.1:1' };
    const { code, output } = await runEntryPoint('db/migrate.main.ts', [], nowhere).ended;
    assert.equal(code, 0, output);
    await side.db('read.projections').where({ name: 'sales' }).update({ version: 9 });
    const older = await runEntryPoint('db/migrate.main.ts', [], nowhere).ended;
    assert.equal(older.code, 1);
    assert.match(older.output, /a newer release has made the read tables: sales is v9 there and v1 here/);
    assert.equal((await generations())['sales'], 9);
  });

  it('what is swapped may be read by the query API and written by projectors, and by nobody else', async () => {
    const roles = await createTestRoles(side.database);
    const as = async (process: 'queryApi' | 'projector', sql: string): Promise<void> => {
      const pool = connect({ url: roles.urlFor(process), poolSize: 1, applicationName: 'test' });
      try {
        await pool.raw(sql);
      } finally {
        await pool.destroy();
      }
    };
    try {
      await rebuild({ ...side.deps, roles: roles.names }, projections);
      await as('queryApi', 'select from read.order_summary, read.sales, read.sales_orders, read.products');
      await as('projector', 'update read.sales set orders = 0');
      await as('projector', 'insert into read.sales_orders select * from read.sales_orders where false');
      await assert.rejects(as('queryApi', 'update read.sales set orders = 0'), { code: '42501' });
      await assert.rejects(as('queryApi', 'select from read_previous.sales'), { code: '42501' });
    } finally {
      await roles.drop();
    }
  });
});
