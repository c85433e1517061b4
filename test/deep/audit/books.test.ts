import assert from 'node:assert/strict';
import type { Messaging } from '../../../messaging/connection.ts';
import { createBooks } from '../../../worker/activities.ts';
import { auditSystem, driftOf, runAudit } from '../../support/audit.ts';
import { eventually } from '../../support/eventually.ts';
import { post, putJson } from '../../support/http.ts';
import { withKept } from '../../support/kept-tables.ts';
import { testMessaging } from '../../support/messaging.ts';
import { place, untilStatus } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { untilViewsAreCurrent } from '../../support/stream.ts';
import { startSystem, type System } from '../../support/system.ts';

type Named = 'delivered' | 'cancelled' | 'booked' | 'refunded' | 'lost' | 'unpaid';
const PAYMENT_METHODS = ['pm_card_visa', 'pm_card_declined', 'pm_timeout_after'] as const;
const TOTAL = 3_780;

describe('the audit and the books of provider and carrier', function () {
  this.timeout(120_000);
  let system: System;
  let messaging: Messaging;
  const ids: Record<Named, string> = {
    ...{ delivered: '', cancelled: '', booked: '', refunded: '', lost: '', unpaid: '' },
  };

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({ env: { PAYMENT_TIMEOUT_MS: '100', CARRIER_TIMEOUT_MS: '100' } });
    messaging = await testMessaging();
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100_000 }]);
    ids.booked = await placeOrder();
    ids.refunded = await placeOrder();
    ids.cancelled = await placeOrder('pm_card_declined');
    // Above the limit, so it waits for an approval.
    ids.unpaid = await placeOrder('pm_card_visa', 1_000);
    await untilBooked([ids.booked, ids.refunded]);
    await cancel(ids.refunded);
    await turn({ carrierDispatchMs: 50, carrierDeliveryMs: 50 });
    ids.delivered = await placeOrder();
    await untilStatus(system, [ids.delivered], ['DELIVERED']);
    await turn({ carrierLossRate: 1 });
    ids.lost = await placeOrder();
    await untilStatus(system, [ids.lost, ids.refunded], ['REFUNDED']);
    await untilStatus(system, [ids.cancelled], ['CANCELLED']);
    await turn({ carrierLossRate: 0 });
  });
  after(async () => {
    await messaging.close();
    await system.close();
  });

  const placeOrder = (
    paymentMethod: (typeof PAYMENT_METHODS)[number] = 'pm_card_visa',
    quantity = 2,
  ): Promise<string> =>
    place(system, { customerId: 'customer-1', lines: [{ sku: 'COFFEE', quantity }], paymentMethod });
  const cancel = (id: string) =>
    post(`${system.urls['command-api']}/orders/${id}/cancel`, { reason: 'changed my mind' });
  const turn = async (dials: Readonly<Record<string, number>>): Promise<void> => {
    assert.equal((await putJson(`${system.urls.worker}/dev/faults`, dials)).status, 200);
  };
  const untilBooked = (orderIds: readonly string[]) =>
    eventually(
      async () => {
        const rows = await system.db('orders.orders').whereIn('id', orderIds).where({ shipment: 'BOOKED' });
        return rows.length === orderIds.length || undefined;
      },
      { what: 'parcels are booked' },
    );
  const look = async () => driftOf(await auditSystem(system, messaging));

  interface Fault {
    readonly what: string;
    /** Whose id the statements get as `:id`. */
    readonly of: Named;
    readonly plant: string;
    /** By check, what its one sample says; nothing for what is no drift. */
    readonly found: Readonly<Record<string, RegExp>>;
    /** Run once the tables are as they were. */
    readonly mend?: string;
  }
  const unknown = 'ffffffff-0000-7000-8000-000000000000';
  const entryOf = (key: string, kind: 'CHARGE' | 'REFUND'): string =>
    `insert into payments.ledger (idempotency_key, kind, amount_minor, currency, created_at)
       values (${key}, '${kind}', ${TOTAL}, 'EUR', now())`;
  const key = `'order-' || cast(:id as text)`;
  /** Notices were sent, and nothing moves it any more. */
  const parcelOf = (bookingKey: string, state: string, changed = 'now()'): string =>
    `insert into shipping.bookings (booking_key, state, tracking_number, leaves_at, arrives_at, told_state, updated_at)
       values (${bookingKey}, '${state}', 'SIM1', 'infinity', 'infinity', '${state}', ${changed})
       on conflict (booking_key) do update set (state, tracking_number, leaves_at, arrives_at, told_state, updated_at) =
         (excluded.state, excluded.tracking_number, excluded.leaves_at, excluded.arrives_at, excluded.told_state, excluded.updated_at)`;
  const parcel = (state: string, changed?: string): string =>
    parcelOf(`'shipment-' || cast(:id as text)`, state, changed);
  const LONG_AGO = `now() - interval '2 hours'`;

  const faults: readonly Fault[] = [
    {
      what: 'a delivered order that was never charged',
      of: 'delivered',
      plant: `delete from payments.ledger where idempotency_key = ${key}`,
      found: { 'provider-books': /^order [^ ]+: the provider charged nothing, and its total charged once/ },
    },
    {
      what: 'a delivered order that was never charged, though an event of it was discarded',
      of: 'delivered',
      plant: `insert into messaging.outbox_parked
          (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state)
        select seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, 'DISCARDED'
        from messaging.outbox where aggregate_id = cast(:id as text) and aggregate_version = 7;
        delete from payments.ledger where idempotency_key = ${key}`,
      found: { 'provider-books': /the provider charged nothing/ },
    },
    {
      what: 'a delivered order that was refunded',
      of: 'delivered',
      plant: entryOf(key, 'REFUND'),
      found: {
        'provider-books': /charged 3780 EUR, gave back 3780 EUR, and its total charged once would be/,
      },
    },
    {
      what: 'an order that was charged twice',
      of: 'delivered',
      plant: `alter table payments.ledger drop constraint ledger_idempotency_key_kind_key;
        ${entryOf(key, 'CHARGE')}`,
      mend: 'alter table payments.ledger add constraint ledger_idempotency_key_kind_key unique (idempotency_key, kind)',
      found: { 'provider-books': /charged 7560 EUR in 2 entries, and its total charged once would be right/ },
    },
    {
      what: 'a charge of another amount',
      of: 'delivered',
      plant: `update payments.ledger set amount_minor = 3781 where idempotency_key = ${key}`,
      found: { 'provider-books': /charged 3781 EUR; its total is 3780 EUR/ },
    },
    {
      what: 'a charge in another currency',
      of: 'delivered',
      plant: `update payments.ledger set currency = 'USD' where idempotency_key = ${key}`,
      found: { 'provider-books': /charged 3780 USD; its total is 3780 EUR/ },
    },
    {
      what: 'a charge of an order that was cancelled',
      of: 'cancelled',
      plant: entryOf(key, 'CHARGE'),
      found: { 'provider-books': /charged 3780 EUR, and nothing charged or .* \(status CANCELLED/ },
    },
    {
      what: 'a charge that is kept of an order that was refunded',
      of: 'refunded',
      plant: `delete from payments.ledger where idempotency_key = ${key} and kind = 'REFUND'`,
      found: { 'provider-books': /charged 3780 EUR, and nothing charged or .* \(status REFUNDED/ },
    },
    {
      what: 'a charge of an order that does not exist',
      of: 'delivered',
      plant: `insert into payments.payments values ('order-${unknown}', 'CHARGED', 1, 'EUR', 'x', now());
        ${entryOf(`'order-${unknown}'`, 'CHARGE')}`,
      found: {
        'provider-books': /^order ffffffff-.*: the provider charged 3780 EUR, and there is no such order$/,
      },
    },
    {
      what: 'a refund of an order that does not exist',
      of: 'delivered',
      plant: `insert into payments.payments values ('order-${unknown}', 'REFUNDED', 1, 'EUR', 'x', now());
        ${entryOf(`'order-${unknown}'`, 'REFUND')}`,
      found: { 'provider-books': /charged 0 EUR, gave back 3780 EUR, and there is no such order$/ },
    },
    {
      what: 'a charge of an order that has asked for none',
      of: 'unpaid',
      plant: `insert into payments.payments values (${key}, 'CHARGED', 1890000, 'EUR', 'x', now());
        insert into payments.ledger (idempotency_key, kind, amount_minor, currency, created_at)
          values (${key}, 'CHARGE', 1890000, 'EUR', now())`,
      found: { 'provider-books': /charged 1890000 EUR, and nothing charged would be right \(status PENDING/ },
    },
    {
      what: 'a charge that the order has not known for hours',
      of: 'unpaid',
      plant: `update orders.orders set status = 'RESERVED' where id = :id;
        insert into payments.payments values (${key}, 'CHARGED', 1890000, 'EUR', 'x', now());
        insert into payments.ledger (idempotency_key, kind, amount_minor, currency, created_at)
          values (${key}, 'CHARGE', 1890000, 'EUR', ${LONG_AGO})`,
      found: {
        'provider-books': /charged 1890000 EUR for more than an hour, and its row does not know/,
        // Which order it is planted in: one that was set back.
        events: /status: RESERVED in the row, PENDING by its events/,
      },
    },
    {
      what: 'a parcel that has left and whose order was refunded',
      of: 'refunded',
      plant: parcel('DISPATCHED'),
      found: { 'carrier-books': /^order [^ ]+: the carrier says DISPATCHED, and .* CANCEL_REQUESTED\)$/ },
    },
    {
      what: 'a parcel that is still booked and whose order was refunded',
      of: 'refunded',
      plant: parcel('BOOKED'),
      found: { 'carrier-books': /the carrier says BOOKED, and .* \(status REFUNDED/ },
    },
    {
      what: 'a parcel of an order that was cancelled',
      of: 'cancelled',
      plant: parcel('DELIVERED'),
      found: { 'carrier-books': /the carrier says DELIVERED, and .* \(status CANCELLED/ },
    },
    {
      what: 'a parcel of an order that does not exist',
      of: 'delivered',
      plant: parcelOf(`'shipment-${unknown}'`, 'DISPATCHED'),
      found: {
        'carrier-books': /^order ffffffff-.*: the carrier says DISPATCHED, and there is no such order$/,
      },
    },
    {
      what: 'a delivered order that the carrier has not delivered',
      of: 'delivered',
      plant: parcel('DISPATCHED'),
      found: { 'carrier-books': /says DISPATCHED, and DELIVERED would be right/ },
    },
    {
      what: 'a booked order of which the carrier has no booking',
      of: 'booked',
      plant: `delete from shipping.bookings where booking_key = 'shipment-' || cast(:id as text)`,
      found: { 'carrier-books': /says NOT_FOUND, and BOOKED would be right/ },
    },
    {
      what: 'a parcel that was delivered hours ago, and whose order still waits for it to leave',
      of: 'booked',
      plant: parcel('DELIVERED', LONG_AGO),
      found: {
        'carrier-books':
          /has said DELIVERED for more than an hour, and its row does not know \(status COMPLETED, shipment BOOKED/,
      },
    },
    {
      what: 'a lost parcel that the carrier never had',
      of: 'lost',
      plant: parcel('CANCELLED'),
      found: { 'carrier-books': /says CANCELLED, and DISPATCHED or DELIVERED or LOST would be right/ },
    },
    {
      what: 'a parcel that has left, and whose stock was put back',
      of: 'lost',
      plant: `update orders.orders set inventory = 'RELEASED' where id = :id`,
      found: {
        'carrier-books': /says LOST, and its stock is not booked out/,
        events: /inventory: RELEASED in the row, SHIPPED by its events/,
        reservations: /the reservation is SHIPPED, and RELEASED would be right/,
      },
    },
  ];

  it('finds nothing where orders were delivered, cancelled, refunded and lost', async () => {
    const report = await auditSystem(system, messaging);
    assert.deepEqual(driftOf(report), {});
    assert.deepEqual(report.counts.books, { charges: 4, refunds: 2, parcels: 4, foreign: 0 });
    for (const name of ['provider-books', 'carrier-books'])
      assert.equal(report.checks.find((check) => check.name === name)?.looked, 6);
  });

  for (const { what, of, plant, found, mend } of faults)
    it(`finds ${what}`, async () => {
      await withKept(system.db, async () => {
        await system.db.transaction(async (trx) => {
          for (const statement of plant.split(';\n'))
            await trx.raw(statement, statement.includes(':id') ? { id: ids[of] } : {});
        });
        const drift = await look();
        assert.deepEqual(Object.keys(drift).sort(), Object.keys(found).sort());
        for (const [name, sample] of Object.entries(found))
          assert.match(drift[name]?.samples[0] ?? '', sample);
      });
      if (mend !== undefined) await system.db.raw(mend);
    });

  it('takes nothing for drift that the carrier said a moment ago', () =>
    withKept(system.db, async () => {
      await system.db.raw(parcel('DELIVERED'), { id: ids.booked });
      assert.deepEqual(await look(), {});
    }));

  it('takes no charge for missing that was booked after the books were first read', () =>
    withKept(system.db, async () => {
      const { provider } = createBooks({
        ...{ db: system.db, payment: { latencyMs: 0 }, carrier: { latencyMs: 0 } },
      });
      const [entry] = (await system
        .db('payments.ledger')
        .where({ idempotency_key: `order-${ids.delivered}` })
        .delete()
        .returning(['idempotency_key', 'kind', 'amount_minor', 'currency'])) as [object];
      let isBooked = false;
      const listEntries: typeof provider.listEntries = async (query) => {
        if (query.since && !isBooked) {
          isBooked = true;
          await system.db('payments.ledger').insert({ ...entry, created_at: new Date() });
        }
        return provider.listEntries(query);
      };
      const report = await auditSystem(system, messaging, { provider: { listEntries } });
      assert.ok(isBooked, 'the order differed, so the books were read on');
      assert.deepEqual(driftOf(report), {});
    }));

  it('takes no refund for drift whose undo begins while the books are read', () =>
    withKept(system.db, async () => {
      const { provider } = createBooks({
        ...{ db: system.db, payment: { latencyMs: 0 }, carrier: { latencyMs: 0 } },
      });
      await system.db.raw(
        `update orders.orders set status = 'PAID', payment = 'CHARGED', inventory = 'RESERVED' where id = ?`,
        [ids.unpaid],
      );
      const charge = { idempotency_key: `order-${ids.unpaid}`, amount_minor: 1_890_000, currency: 'EUR' };
      await system.db('payments.payments').insert({ ...charge, state: 'REFUNDED', updated_at: new Date() });
      const add = (kind: 'CHARGE' | 'REFUND') =>
        system.db('payments.ledger').insert({ ...charge, kind, created_at: new Date() });
      await add('CHARGE');
      let begun = false;
      // The first listing is complete; the second one is of a look at what differed.
      const listEntries: typeof provider.listEntries = async (query) => {
        if (query.since && !begun) {
          begun = true;
          await system.db('orders.orders').where({ id: ids.unpaid }).update({ undo_began_at: new Date() });
          await add('REFUND');
        }
        return provider.listEntries(query);
      };
      const report = await auditSystem(system, messaging, { provider: { listEntries } });
      assert.ok(begun, 'the row differs from its events, so it was looked at again');
      assert.equal(driftOf(report)['provider-books'], undefined);
      assert.ok(driftOf(report)['events']);
    }));

  it('says that it could not look while a book is unavailable, and which', async () => {
    for (const [variable, who] of [
      ['PAYMENT_BOOKS_FAILURE_RATE', 'the payment provider'],
      ['CARRIER_BOOKS_FAILURE_RATE', 'the carrier'],
    ] as const) {
      const env = { ...system.ownerEnv, AUDIT_SETTLE_MS: '1000', [variable]: '1' };
      const { code, stdout, stderr } = await runAudit(env);
      assert.equal(code, 2, stdout);
      assert.match(stderr, new RegExp(`the audit could not look: ${who} did not list its books within 1 s`));
      assert.equal(stdout, '');
    }
  });

  it('reports no drift for orders in progress while provider and carrier refuse, lose and forget', async () => {
    await turn({
      ...{ refundFailureRate: 0.4, carrierRefusalRate: 0.2, carrierTimeoutRate: 0.3, carrierLossRate: 0.3 },
      ...{ carrierDispatchMs: 300, carrierDeliveryMs: 100, paymentBooksFailureRate: 0.3 },
    });
    const enough = new AbortController();
    const placing = Array.from({ length: 3 }, async (_, lane) => {
      const placed: string[] = [];
      while (!enough.signal.aborted) {
        const id = await placeOrder(PAYMENT_METHODS[(placed.length + lane) % PAYMENT_METHODS.length]);
        if (placed.length % 2 === 1) await cancel(id);
        placed.push(id);
      }
      return placed;
    });
    let all: string[];
    try {
      for (let round = 0; round < 4; round++) {
        const before = await countOrders();
        await eventually(async () => (await countOrders()) > before + 10 || undefined, {
          what: 'more orders have come',
        });
        assert.deepEqual(await look(), {}, `round ${round}`);
      }
    } finally {
      enough.abort();
      all = (await Promise.all(placing)).flat();
      await turn({ refundFailureRate: 0, carrierTimeoutRate: 0, paymentBooksFailureRate: 0 });
    }
    await untilStatus(system, all, ['DELIVERED', 'CANCELLED', 'REFUNDED']);
    await untilViewsAreCurrent(system.db, system.topology);
    const report = await auditSystem(system, messaging);
    assert.deepEqual(driftOf(report), {});
    assert.deepEqual(
      report.checks.filter(({ moving, parked }) => moving + parked > 0),
      [],
    );
    const { charges, refunds, parcels } = report.counts.books;
    assert.ok(charges > refunds && refunds > 2 && parcels > 4, JSON.stringify(report.counts.books));
  });

  async function countOrders(): Promise<number> {
    const row = await system.db('orders.orders').count<{ n: string }>({ n: '*' }).first();
    return Number(row?.n);
  }
});
