import assert from 'node:assert/strict';
import { place, untilEnded } from '../../support/orders.ts';
import { driftOfMessage } from '../../support/event-document.ts';
import { listProducts } from '../../support/products.ts';
import { storedMessages, untilViewsAreCurrent, withNats } from '../../support/stream.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('what other services read from the stream', function () {
  this.timeout(120_000);
  let system: System;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem();
    await listProducts(system.db, [{ sku: 'COFFEE', onHand: 100 }]);
  });
  after(() => system.close());

  it('every message of orders that complete and of orders that are undone is as docs/asyncapi.yaml says', async () => {
    const placing = (['pm_card_visa', 'pm_card_declined'] as const).map((paymentMethod) =>
      place(system, { customerId: 'customer-1', lines: [{ sku: 'COFFEE', quantity: 2 }], paymentMethod }),
    );
    await untilEnded(system, await Promise.all(placing));
    await untilViewsAreCurrent(system.db, system.topology);
    const messages = await withNats((connection) => storedMessages(connection, system.topology));
    const { stream } = system.topology;
    const prefix = stream.slice(0, stream.length - 'ORDERS'.length);
    const types = new Set<string>();
    for (const { subject, header, data } of messages) {
      const headers = Object.fromEntries(header.keys().map((name) => [name, header.get(name)]));
      const body = new TextDecoder().decode(data);
      assert.deepEqual(driftOfMessage({ subject: subject.slice(prefix.length), headers, body }), [], body);
      types.add(headers['ce-type'] ?? '');
    }
    for (const type of [
      'OrderCompleted',
      'OrderCancelled',
      'InventoryReleased',
      'ProductListed',
      'StockChanged',
    ])
      assert.ok(types.has(type), `no ${type} among ${[...types].join(', ')}`);
  });
});
