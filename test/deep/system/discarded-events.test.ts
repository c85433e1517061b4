import assert from 'node:assert/strict';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import type { EventType } from '../../../domain/events.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post } from '../../support/http.ts';
import { assertBalanced, place, untilStatus, type OrderView } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

interface Parked {
  readonly parked: readonly {
    readonly seq: string;
    readonly aggregateId: string;
    readonly aggregateVersion: number;
    readonly eventType: string;
  }[];
}

// Makes events of the chosen types larger than a message of the stream may be, so that the relay really parks them. The
// types are rows of a table, because creating and dropping a trigger while the relay works can deadlock with it.
const tooLarge = `
  create table messaging.too_large (event_type text primary key);
  create function messaging.enlarge() returns trigger language plpgsql security definer as $$
  begin
    if exists (select from messaging.too_large where event_type = new.event_type) then
      new.payload := new.payload || jsonb_build_object('padding', repeat('x', 2000000));
    end if;
    return new;
  end $$;
  create trigger enlarge before insert on messaging.outbox for each row execute function messaging.enlarge()`;

describe('an event that an operator discards', function () {
  this.timeout(120_000);
  let system: System;
  const order: PlaceOrderRequest = {
    customerId: 'customer-1',
    lines: [{ sku: 'COFFEE', quantity: 2 }],
    paymentMethod: 'pm_card_visa',
  };

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({
      env: {
        CARRIER_DISPATCH_MS: '100',
        CARRIER_DELIVERY_MS: '100',
        // On a slow machine it would start the saga before the test cancels.
        SAGA_WATCH_INTERVAL_MS: '0',
      },
    });
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100 }]);
    await system.db.raw(tooLarge);
  });
  after(() => system.close());

  /** Places an order whose event of this type cannot be published, and discards it. @returns the order's id */
  async function placeWithout(type: EventType): Promise<string> {
    const outbox = `${system.urls['command-api']}/operations/outbox/parked`;
    await system.db('messaging.too_large').insert({ event_type: type });
    const id = await place(system, order);
    const row = await eventually(
      async () => (await getJson<Parked>(outbox)).parked.find(({ aggregateId }) => aggregateId === id),
      { what: `${type} is parked`, withinMs: 30_000 },
    );
    assert.equal(row.eventType, type);
    await system.db('messaging.too_large').del();
    const decision = { action: 'discard', reason: 'too large' };
    const answer = await post(`${outbox}/${row.seq}/resolve`, decision);
    assert.equal(answer.status, 200, await answer.text());
    return id;
  }
  const query = (path: string): string => `${system.urls['query-api']}${path}`;
  const cancel = async (id: string): Promise<void> => {
    const answer = await post(`${system.urls['command-api']}/orders/${id}/cancel`, { reason: 'no news' });
    assert.equal(answer.status, 202, await answer.text());
  };
  const statusOf = (id: string): Promise<OrderStatus | undefined> =>
    system
      .db<{ id: string; status: OrderStatus }>('orders.orders')
      .where({ id })
      .first('status')
      .then((row) => row?.status);
  const missingIn = async (path: string): Promise<readonly number[] | undefined> =>
    (await getJson<{ missingEvents?: number[] }>(query(path))).missingEvents;

  it('in the middle: its order goes on, and its views say which event they miss', async () => {
    const id = await placeWithout('PaymentCharged');
    const [view] = await untilStatus(system, [id], ['DELIVERED']);
    assert.equal(view?.payment, 'NONE');
    assert.deepEqual(await missingIn(`/orders/${id}`), [3]);
    assert.deepEqual(await missingIn(`/orders/${id}/cancellation`), [3]);
    const { items } = await getJson<{ items: (OrderView & { missingEvents?: number[] })[] }>(
      query('/orders?status=DELIVERED'),
    );
    assert.deepEqual(
      items.map(({ orderId, missingEvents }) => [orderId, missingEvents]),
      [[id, [3]]],
    );
  });

  it('that would have begun the shipment: a cancellation begins it, and money and stock go back', async () => {
    const id = await placeWithout('OrderCompleted');
    await eventually(async () => ((await statusOf(id)) === 'COMPLETED' ? true : undefined), {
      what: 'the order is completed',
    });
    await cancel(id);
    await untilStatus(system, [id], ['REFUNDED']);
    assert.deepEqual(await missingIn(`/orders/${id}`), [4]);
  });

  it('that would have begun the order: it is not shown, a cancellation ends it, and the views of others go on', async () => {
    const id = await placeWithout('OrderCreated');
    await cancel(id);
    await eventually(async () => ((await statusOf(id)) === 'CANCELLED' ? true : undefined), {
      what: 'the order is cancelled',
    });
    await untilStatus(system, [await place(system, order)], ['DELIVERED']);
    assert.equal((await fetch(query(`/orders/${id}`))).status, 404);
    const metrics = await (await fetch(`${system.urls.projector}/metrics`)).text();
    assert.match(metrics, /^projection_gaps_total(\{.*\})? [3-9]/m);
    await assertBalanced(system.db);
  });
});
