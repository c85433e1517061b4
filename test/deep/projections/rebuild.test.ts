import assert from 'node:assert/strict';
import type { OrderEvent } from '../../../domain/events.ts';
import { streamState } from '../../../messaging/stream.ts';
import { applyPage } from '../../../projections/kit/apply-page.ts';
import type { Projection } from '../../../projections/kit/projection.ts';
import { orders } from '../../../projections/order-summary.ts';
import { projections } from '../../../projections/projections.ts';
import { rebuild } from '../../../projections/rebuild/rebuild.ts';
import { rollback } from '../../../projections/rebuild/rollback.ts';
import { sales } from '../../../projections/sales.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { applyEvents } from '../../support/projections.ts';
import { createTestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { createReadSide, readTables, type ReadSide } from '../../support/read-side.ts';

/** Some orders, their events mixed. */
function history(count: number): OrderEvent[] {
  const kinds = Object.values(stories);
  const all = Array.from({ length: count }, (_, index) => orderHistory(kinds[index % kinds.length] ?? []));
  return Array.from({ length: 9 }, (_, step) => all.flatMap((events) => events.slice(step, step + 1))).flat();
}

describe('rebuild', () => {
  let side: ReadSide;
  beforeEach(async () => {
    side = await createReadSide();
  });
  afterEach(() => side.close());

  const namesIn = async (schema: string): Promise<string[]> => {
    const { rows } = await side.db.raw<{ rows: { name: string }[] }>(
      'select tablename as name from pg_tables where schemaname = ? order by 1',
      [schema],
    );
    return rows.map(({ name }) => name);
  };
  /** What a fold of all events leaves, in another database. */
  async function tablesOf(events: readonly OrderEvent[]): Promise<Record<string, string[]>> {
    const other = await createTestDatabase();
    try {
      await applyEvents(other.db, events);
      return await readTables(other.db);
    } finally {
      await other.drop();
    }
  }

  it('under load equals the fold of all events, with two projectors that go on through each swap', async () => {
    const before = history(50);
    const after = history(600);
    const failures: unknown[] = [];
    const observer = { failed: (error: unknown) => failures.push(error) };
    side.startProjector(observer);
    side.startProjector(observer);
    await side.untilApplied(await side.publish(before));
    const stopping = new AbortController();
    const isDone = (): boolean => stopping.signal.aborted;
    let published = 0;
    const publishing = (async () => {
      let last = 0;
      for (; !isDone() && published < after.length; published += 4)
        last = await side.publish(after.slice(published, published + 4));
      return last;
    })();
    // Queries that never see a table without rows, whatever is swapped.
    const counts: number[] = [];
    const asking = (async () => {
      while (!isDone()) {
        const { rows } = await side.db.raw<{ rows: [{ orders: number; sold: number }] }>(
          `select (select count(*)::int from read.order_summary) as orders,
            (select sum(orders)::int from read.sales where grain = 15 and sku = '') as sold`,
        );
        counts.push(rows[0].orders, rows[0].sold);
      }
    })();
    try {
      assert.equal(await rebuild(side.deps, projections), true, side.told.join('\n'));
      for (let swaps = 0; swaps < 5; swaps++)
        assert.equal(await rebuild(side.deps, [sales]), true, side.told.join('\n'));
    } finally {
      stopping.abort();
      await asking;
    }
    await side.untilApplied(await publishing);
    assert.deepEqual(failures, []);
    assert.ok(Math.min(...counts) >= 50, `a query saw ${Math.min(...counts)} orders`);
    assert.deepEqual(await readTables(side.db), await tablesOf([...before, ...after.slice(0, published)]));
    assert.deepEqual(await namesIn('read_next'), []);
    const { rows } = await side.db.raw<{ rows: unknown[] }>(
      "select from pg_indexes where schemaname = 'read' and tablename = 'order_summary'",
    );
    assert.equal(rows.length, 5);
  });

  it('finds what was changed behind the back of the projectors, and repairs it', async () => {
    const events = history(20);
    side.startProjector();
    await side.untilApplied(await side.publish(events));
    const good = await readTables(side.db);
    await side.db.raw(`
      delete from read.order_summary where order_id = '${events[0]!.aggregateId}';
      update read.order_summary set total_minor = total_minor + 1 where order_id = '${events[1]!.aggregateId}';
      update read.sales set orders = orders + 1 where (grain, bucket, sku, currency, status, partition) in (
        select grain, bucket, sku, currency, status, partition from read.sales where sku = '' and orders > 0 limit 1);
      insert into read.sales_orders
        select gen_random_uuid(), version, status, currency, total_minor, lines, placed_at
        from read.sales_orders limit 1`);
    const bad = await readTables(side.db);
    assert.equal(await rebuild(side.deps, projections, { checkOnly: true }), false);
    const told = side.told.join('\n');
    assert.match(
      told,
      /order_summary differs: live has 19 rows, built are 20; 0 are live only, 1 built only, 1 hold/,
    );
    assert.match(told, new RegExp(`built only \\{"order_id": ?"${events[0]!.aggregateId}"\\}`));
    assert.match(told, /different \{.*\}: total_minor/);
    assert.match(told, /sales_orders differs: live has 21 rows, built are 20; 1 are live only/);
    assert.match(told, /sales: sales differs: .* 0 are live only, 0 built only, 1 hold something else/);
    assert.match(told, /products is the same as live/);
    assert.deepEqual(await readTables(side.db), bad);
    assert.deepEqual(await namesIn('read_next'), []);
    await rebuild(side.deps, projections);
    assert.deepEqual(await readTables(side.db), good);
    assert.equal(await rebuild(side.deps, projections, { checkOnly: true }), true);
  });

  it('goes to where each partition is, and no further', async () => {
    const events = history(40);
    side.startProjector();
    const last = await side.publish(events);
    await side.untilApplied(last);
    await side.stopProjectors();
    // Partition 3 stands still, all others go on; nobody has applied what comes last.
    const more = history(40);
    await side.publish(more);
    await side.db.raw(
      'update read.checkpoints set stream_sequence = stream_sequence + 100 where partition <> 3',
    );
    await rebuild(side.deps, projections, { checkOnly: true });
    assert.match(side.told.join('\n'), /order_summary differs: .* 0 are live only/);
    await rebuild(side.deps, projections);
    const { rows } = await side.db.raw<{ rows: { version: number }[] }>(
      'select version from read.order_summary',
    );
    const applied = rows.reduce((sum, { version }) => sum + version, 0);
    const inPartition3 = more
      .slice(0, 100)
      .filter((event) => side.topology.partitionIn(side.topology.subjectOf(event)) === 3).length;
    assert.equal(applied, events.length + 100 - inPartition3);
    side.startProjector();
    await side.untilApplied(last + more.length);
    assert.deepEqual(await readTables(side.db), await tablesOf([...events, ...more]));
  });

  it('rollback brings back what was, with what came since, and may be taken back', async () => {
    const [first, second, third] = [history(20), history(20), history(20)];
    side.startProjector();
    await side.untilApplied(await side.publish(first));
    await rebuild(side.deps, [sales]);
    await side.untilApplied(await side.publish(second));
    await side.db.raw('update read.sales set orders = orders + 1');
    await rollback(side.deps, [sales]);
    assert.deepEqual(await readTables(side.db), await tablesOf([...first, ...second]));
    await side.untilApplied(await side.publish(third));
    assert.deepEqual(await readTables(side.db), await tablesOf([...first, ...second, ...third]));
    await rollback(side.deps, [sales]);
    assert.notDeepEqual(await readTables(side.db), await tablesOf([...first, ...second, ...third]));
    await assert.rejects(rollback(side.deps, [orders]), /nothing is kept of orders/);
    await assert.rejects(
      rollback(side.deps, [{ ...sales, version: 2 }]),
      /v1 of sales is kept, and this release knows how to apply events to v2 only/,
    );
  });

  it('waits with its swap for a long query, and holds nobody else up for long', async () => {
    side.startProjector();
    await side.untilApplied(await side.publish(history(10)));
    const long = await side.db.transaction();
    await long.raw('select from read.sales');
    let isDone = false;
    const rebuilding = rebuild(side.deps, [sales]).finally(() => (isDone = true));
    await eventually(() => Promise.resolve(side.told.find((line) => line.startsWith('waiting to swap'))), {
      what: 'it says for whom it waits',
    });
    const startedAt = performance.now();
    await side.db('read.sales').first();
    await side.untilApplied(await side.publish(history(10)));
    const ms = performance.now() - startedAt;
    assert.ok(!isDone);
    assert.ok(ms < 5_000, `a query and an event took ${ms} ms`);
    await long.commit();
    assert.equal(await rebuilding, true);
    assert.match(side.told.join('\n'), /waiting to swap: test \(pid \d+\) is in a transaction since \d+ s/);
    assert.deepEqual(await namesIn('read_previous'), ['projections', 'sales', 'sales_orders']);
    assert.equal(await rebuild(side.deps, projections, { checkOnly: true }), true, side.told.join('\n'));
  });

  it('leaves out what waits for an operator, and takes what is let go on in the meantime', async () => {
    const events = history(10);
    const waits = (event: OrderEvent): boolean =>
      event.aggregateId === events[0]!.aggregateId && event.aggregateVersion > 1;
    const last = await side.publish(events);
    const created = (await streamState(side.deps.connection, side.topology.stream))!.created;
    await applyEvents(
      side.db,
      events.filter((event) => !waits(event)),
    );
    await side.db('read.checkpoints').update({ stream_created: created, stream_sequence: last });
    const parked = events.flatMap((event, index) => (waits(event) ? [{ event, sequence: index + 1 }] : []));
    await side.db('read.parked_events').insert(
      parked.map(({ event, sequence }, index) => ({
        partition: side.topology.partitionIn(side.topology.subjectOf(event)),
        aggregate_type: 'order',
        aggregate_id: event.aggregateId,
        stream_created: created,
        stream_sequence: sequence,
        subject: side.topology.subjectOf(event),
        event_id: event.id,
        body: Buffer.from(JSON.stringify(event)),
        state: index === 0 ? 'PARKED' : 'BEHIND',
        cause: 'test',
        attempts: 1,
      })),
    );
    assert.equal(await rebuild(side.deps, projections), true, side.told.join('\n'));

    const long = await side.db.transaction();
    await long.raw('select from read.sales');
    const rebuilding = rebuild(side.deps, [sales]);
    await eventually(() => Promise.resolve(side.told.find((line) => line.startsWith('waiting to swap'))), {
      what: 'it is built, and waits',
    });
    await side.db.transaction(async (trx) => {
      await applyPage(
        trx,
        projections,
        parked.map(({ event }) => event),
      );
      await trx('read.parked_events').delete();
    });
    await long.commit();
    await rebuilding;
    assert.deepEqual(await readTables(side.db), await tablesOf(events));
    // The orders that were put aside first do not have what waited then.
    await rollback(side.deps, [orders, sales]);
    assert.deepEqual(await readTables(side.db), await tablesOf(events));
  });

  it('of one projection is made by one at a time', async () => {
    const raised: Projection = { ...sales };
    let second: unknown;
    const tell = (): void => {
      second ??= rebuild(side.deps, [raised]).catch((error: unknown) => error);
    };
    await rebuild({ ...side.deps, tell }, [sales]);
    assert.match(String(await second), /sales is being rebuilt or rolled back by somebody else/);
  });
});
