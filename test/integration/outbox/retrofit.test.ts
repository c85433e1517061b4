import assert from 'node:assert/strict';
import type { Client } from 'pg';
import type { Knex } from '../../../db/connection.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { eventually } from '../../support/eventually.ts';
import { versionsByAggregate } from '../../support/memory-stream.ts';
import { openShop, type RetrofittedShop } from '../../support/retrofitted-shop.ts';
import { capture, importOrders } from './retrofit/captured.ts';
import { install, outbox, SHARDS } from './retrofit/install.ts';
import * as legacy from './retrofit/legacy.ts';
import * as wrapped from './retrofit/wrapped.ts';

/** The application after the step "let writes tell", in one of its two ways. */
interface Way {
  readonly begin: (db: Knex) => Promise<void>;
  readonly placeOrder: (shop: RetrofittedShop, ...order: [string, string, number]) => Promise<string>;
  readonly payOrder: (client: Client, id: string) => Promise<void>;
  readonly removeOrder?: (client: Client, id: string) => Promise<void>;
  /** Types of the events that this test's changes make. */
  readonly expected: readonly string[];
}

const ways: Readonly<Record<string, Way>> = {
  'with its writes wrapped': {
    begin: () => Promise.resolve(),
    placeOrder: ({ db }, ...order) => wrapped.placeOrder(db, ...order),
    payOrder: wrapped.payOrder,
    expected: ['OrderPaid', 'OrderPlaced', 'OrderPaid'],
  },
  'with its code unchanged and its table captured': {
    begin: capture,
    placeOrder: ({ client }, ...order) => legacy.placeOrder(client, ...order),
    payOrder: legacy.payOrder,
    removeOrder: legacy.removeOrder,
    expected: ['OrderChanged', 'OrderPlaced', 'OrderChanged', 'OrderRemoved'],
  },
};

// The files of ./retrofit are those that docs/retrofit.md quotes.
describe('retrofitting a legacy application', () => {
  let shop: RetrofittedShop;
  beforeEach(async () => {
    shop = await openShop();
  });
  afterEach(() => shop.close());

  for (const [name, way] of Object.entries(ways)) {
    it(`${name}: old orders and new changes are published in order, and the list shows them`, async () => {
      const { db, client } = shop;
      await install(db);
      await way.begin(db);
      await way.payOrder(client, '2');
      assert.equal(await importOrders(db), 2, 'the order that has an event already needs no other');
      shop.startRelays();
      await shop.startList();
      await shop.untilListed();

      const id = await way.placeOrder(shop, 'Edsger', 'map', 500);
      await way.payOrder(client, id);
      await way.payOrder(client, id);
      await client.query("update shop.orders set internal_note = 'called back'");
      await way.removeOrder?.(client, '3');
      await shop.untilListed();

      await eventually(async () => (await isCaughtUp(db, outbox.schema, SHARDS)) || undefined, {
        what: 'everything is published',
      });
      const events = await shop.events();
      for (const versions of versionsByAggregate(events).values())
        assert.deepEqual(
          versions,
          versions.map((_, index) => index + 1),
        );
      assert.deepEqual(
        events.map(({ type }) => type).sort(),
        ['LegacyOrderImported', 'LegacyOrderImported', ...way.expected].sort(),
      );

      await shop.repeatFirstEvents();
      await shop.untilHandled();
      // A late repeat changes nothing.
      await shop.untilListed();
    });
  }
});
