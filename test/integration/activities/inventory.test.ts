import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Inventory, StockLine } from '../../../activities/inventory/inventory.ts';
import type { Knex } from '../../../db/connection.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
import { newId } from '../../../platform/clock.ts';
import { provenance } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { listProducts, stockOf, testInventory } from '../../support/products.ts';

describe('inventory in PostgreSQL', () => {
  let database: TestDatabase;
  let db: Knex;
  let inventory: Inventory;
  let count = 0;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    inventory = testInventory(db);
  });
  after(() => database.drop());

  async function newSku(onHand: number): Promise<string> {
    const sku = `SKU-${++count}`;
    await listProducts(db, [{ sku, onHand }]);
    return sku;
  }

  /** @returns the error's code, undefined when it was reserved. */
  const reserve = (orderId: string, lines: readonly StockLine[]): Promise<string | undefined> =>
    inventory.reserve(orderId, lines, provenance).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof OrderSystemError) return error.code;
        throw error;
      },
    );

  it('orders that want more than there is at the same time get exactly what there is', async () => {
    const sku = await newSku(10);
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => reserve(newId(), [{ sku, quantity: 1 }])),
    );
    assert.equal(outcomes.filter((code) => code === undefined).length, 10);
    assert.equal(outcomes.filter((code) => code === 'OUT_OF_STOCK').length, 30);
    assert.deepEqual(await stockOf(db, sku), { sku, on_hand: 10, reserved: 10, shipped: 0 });
  });

  it('an order gets all of its lines or none', async () => {
    const [plenty, scarce] = [await newSku(100), await newSku(1)];
    const lines = [
      { sku: plenty, quantity: 3 },
      { sku: scarce, quantity: 2 },
    ];
    assert.equal(await reserve(newId(), lines), 'OUT_OF_STOCK');
    assert.equal((await stockOf(db, plenty))?.reserved, 0);
    assert.equal((await stockOf(db, scarce))?.reserved, 0);
  });

  it('a reservation that is repeated, also at the same time, holds the stock once', async () => {
    const sku = await newSku(10);
    const orderId = newId();
    const lines = [{ sku, quantity: 4 }];
    assert.deepEqual(
      await Promise.all(Array.from({ length: 5 }, () => reserve(orderId, lines))),
      Array(5).fill(undefined),
    );
    assert.equal((await stockOf(db, sku))?.reserved, 4);
  });

  it('a refused order holds nothing, and may try again when there is stock', async () => {
    const sku = await newSku(1);
    const orderId = newId();
    assert.equal(await reserve(orderId, [{ sku, quantity: 2 }]), 'OUT_OF_STOCK');
    await listProducts(db, [{ sku, onHand: 2 }]);
    assert.equal(await reserve(orderId, [{ sku, quantity: 2 }]), undefined);
  });

  it('a release gives the stock back once, however often it is repeated', async () => {
    const sku = await newSku(5);
    const orderId = newId();
    await reserve(orderId, [{ sku, quantity: 5 }]);
    const acted = await Promise.all(Array.from({ length: 4 }, () => inventory.release(orderId, provenance)));
    assert.deepEqual(acted.filter(Boolean), [true]);
    assert.equal((await stockOf(db, sku))?.reserved, 0);
  });

  it('no reservation appears after it was released', async () => {
    const sku = await newSku(5);
    const orderId = newId();
    assert.equal(await inventory.release(orderId, provenance), false);
    assert.equal(await reserve(orderId, [{ sku, quantity: 1 }]), 'RESERVATION_FENCED');
    assert.equal((await stockOf(db, sku))?.reserved, 0);
  });

  it('every change of stock tells its event, with versions without gaps', async () => {
    const sku = await newSku(5);
    const orderId = newId();
    await reserve(orderId, [{ sku, quantity: 2 }]);
    await inventory.release(orderId, provenance);
    const rows = await db('messaging.outbox')
      .where({ aggregate_id: sku, event_type: 'StockChanged' })
      .orderBy('seq')
      .select<{ aggregate_version: number; payload: { data: { available: number } } }[]>(
        'aggregate_version',
        'payload',
      );
    assert.deepEqual(
      rows.map((row) => [row.aggregate_version, row.payload.data.available]),
      [
        [1, 5],
        [2, 3],
        [3, 5],
      ],
    );
  });

  it('what is shipped leaves the shelf once, and can be neither released nor reserved again', async () => {
    const sku = await newSku(5);
    const orderId = newId();
    await reserve(orderId, [{ sku, quantity: 2 }]);
    await Promise.all([inventory.ship(orderId, provenance), inventory.ship(orderId, provenance)]);
    assert.equal(await inventory.release(orderId, provenance), false);
    assert.deepEqual(await stockOf(db, sku), { sku, on_hand: 3, reserved: 0, shipped: 2 });
  });

  it('nothing leaves the shelf for an order that holds nothing', async () => {
    const sku = await newSku(5);
    const orderId = newId();
    const fenced = { code: 'RESERVATION_FENCED' };
    await assert.rejects(inventory.ship(orderId, provenance), fenced);
    await reserve(orderId, [{ sku, quantity: 2 }]);
    await inventory.release(orderId, provenance);
    await assert.rejects(inventory.ship(orderId, provenance), fenced);
    assert.deepEqual(await stockOf(db, sku), { sku, on_hand: 5, reserved: 0, shipped: 0 });
  });

  it('whatever orders do at once: what is reserved is what orders hold, and never more than there is', async () => {
    const skus = [await newSku(20), await newSku(20), await newSku(20)];
    const line = fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 6 }) });
    const step = fc.record({
      order: fc.nat({ max: 7 }),
      release: fc.boolean(),
      lines: fc.uniqueArray(line, { selector: ({ sku }) => sku, minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const orders = Array.from({ length: 8 }, newId);
        await Promise.all(
          steps.map(({ order, release, lines }) =>
            release
              ? inventory.release(orders[order] ?? '', provenance)
              : reserve(orders[order] ?? '', lines),
          ),
        );
        for (const sku of skus) {
          const { rows } = await db.raw<{ rows: { held: number }[] }>(
            `select coalesce(sum((line ->> 'quantity')::integer), 0)::integer as held
             from inventory.reservations, jsonb_array_elements(lines) as line
             where state = 'HELD' and line ->> 'sku' = ?`,
            [sku],
          );
          const stock = await stockOf(db, sku);
          assert.equal(stock?.reserved, rows[0]?.held);
          assert.ok(stock && stock.reserved <= stock.on_hand);
        }
        for (const order of orders) await inventory.release(order, provenance);
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });
});
