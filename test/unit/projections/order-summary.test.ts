import assert from 'node:assert/strict';
import { missingEvents, orders, type OrderSummary } from '../../../projections/order-summary.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { newId } from '../../../platform/clock.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { tablesAfter } from '../../support/projections.ts';

const fold = (...pages: readonly (readonly OrderEvent[])[]): OrderSummary | undefined =>
  tablesAfter(orders, ...pages)['order_summary']?.[0] as unknown as OrderSummary | undefined;

describe('order summary', () => {
  it('shows a completed order with what happened when', () => {
    const summary = fold(orderHistory(stories.completed));
    assert.equal(summary?.status, 'COMPLETED');
    assert.equal(summary.totalMinor, 4_320);
    assert.deepEqual(
      summary.timeline.map(({ event, at, status }) => [event, at, status]),
      [
        ['OrderCreated', '2026-03-01T10:07:00.000Z', 'PENDING'],
        ['InventoryReserved', '2026-03-01T10:07:01.000Z', 'RESERVED'],
        ['PaymentCharged', '2026-03-01T10:07:02.000Z', 'PAID'],
        ['OrderCompleted', '2026-03-01T10:07:03.000Z', 'COMPLETED'],
      ],
    );
  });

  it('says why an order was cancelled, and that stock and money are back', () => {
    const summary = fold(orderHistory(stories.refunded));
    assert.deepEqual(
      [summary?.status, summary?.inventory, summary?.payment, summary?.cancelReason],
      ['CANCELLED', 'RELEASED', 'REFUNDED', 'CANCEL_REQUESTED'],
    );
    assert.match(summary?.timeline.at(-1)?.detail ?? '', /^CANCEL_REQUESTED: /);
  });

  it('shows the parcel, and says why an order was refunded', () => {
    const delivered = fold(orderHistory(stories.delivered));
    assert.deepEqual(
      [delivered?.status, delivered?.shipment, delivered?.carrier, delivered?.trackingNumber],
      ['DELIVERED', 'DELIVERED', 'Carrier', 'T1'],
    );
    const lost = fold(orderHistory(stories.lost));
    assert.deepEqual(
      [lost?.status, lost?.inventory, lost?.payment, lost?.shipment, lost?.cancelReason],
      ['REFUNDED', 'SHIPPED', 'REFUNDED', 'FAILED', 'PARCEL_LOST'],
    );
    assert.match(lost?.timeline.at(-1)?.detail ?? '', /^PARCEL_LOST: /);
  });

  it('shows who decided about a dear order', () => {
    const operator = { operator: 'ops', reason: 'too dear' };
    const limit = { amountMinor: 4_320, currency: 'EUR', limitMinor: 4_000 };
    const events = orderHistory([
      stories.completed[0],
      { type: 'ApprovalRequested', data: limit },
      { type: 'OrderRejected', data: operator },
    ]);
    assert.deepEqual(
      events.map((_, index) => fold(events.slice(0, index + 1))?.approval),
      ['NONE', 'REQUESTED', 'REFUSED'],
    );
    assert.deepEqual(
      fold(events)?.timeline.map(({ detail }) => detail),
      [undefined, 'above the limit of 40.00 EUR', 'ops: too dear'],
    );
  });

  it('says why its saga is stuck until an operator has decided, and what was decided', () => {
    const { stuck, settled } = stuckStory(newId());
    const events = orderHistory([...stuck, ...settled]);
    const waiting = fold(events.slice(0, 4));
    assert.equal(waiting?.stuckCause, 'refundPayment: PAYMENT_UNAVAILABLE');
    assert.equal(
      waiting.timeline.at(-1)?.detail,
      'refundPayment: PAYMENT_UNAVAILABLE after 10 attempts: no answer',
    );
    const decided = fold(events.slice(0, 5));
    assert.deepEqual([decided?.stuckCause, decided?.payment], [null, 'BY_HAND']);
    assert.equal(decided?.timeline.at(-1)?.detail, 'refundPayment: done-by-hand, ops: the bank was called');
  });

  it('shows who asks to waive until it is decided, and then both', () => {
    const { stuck, settled } = stuckStory(newId(), { decision: 'waive' });
    const events = orderHistory([...stuck, ...settled]);
    const waivers = events.map((_, index) => fold(events.slice(0, index + 1))?.waiver);
    const waiver = { requestedBy: 'ada', reason: 'the account is closed', at: '2026-03-01T10:07:04.000Z' };
    assert.deepEqual(waivers, [null, null, null, null, waiver, null, null, null]);
    assert.deepEqual(
      fold(events)
        ?.timeline.slice(4, 6)
        .map(({ detail }) => detail),
      [
        'refundPayment: ada asks to waive it: the account is closed',
        'refundPayment: waive, ops: the bank was called; asked for by ada: the account is closed',
      ],
    );
    const again = stuckStory(newId(), { occurrence: 2 }).stuck.slice(3);
    assert.equal(fold(orderHistory([...stuck, ...settled.slice(0, 1), ...again]))?.waiver, null);
    const ended = fold(orderHistory([...stuck, ...settled.slice(0, 1), ...stories.outOfStock.slice(1)]));
    assert.equal(ended?.waiver, null);
  });

  it('an order that has ended is not stuck, whatever came before', () => {
    const { stuck } = stuckStory(newId());
    const ended = fold(orderHistory([...stuck, ...stories.outOfStock.slice(1)]));
    assert.deepEqual([ended?.status, ended?.stuckCause], ['CANCELLED', null]);
  });

  it('holds nothing but what its columns show', () => {
    const { stuck, settled } = stuckStory(newId());
    const columns = Object.keys(fold(orderHistory(stuck.slice(0, 1))) ?? {}).sort();
    assert.deepEqual(Object.keys(fold(orderHistory([...stuck, ...settled])) ?? {}).sort(), columns);
  });

  it('an event that is in it already changes nothing', () => {
    const events = orderHistory(stories.refunded);
    for (const event of events) assert.deepEqual(fold(events, [event]), fold(events));
  });

  it('tells which events are missing, and shows what the others say', () => {
    const events = orderHistory(stories.delivered);
    assert.ok(events.every((_, index) => missingEvents(fold(events.slice(0, index + 1))!).count === 0));
    const gappy = fold(events.filter(({ type }) => type !== 'PaymentCharged' && type !== 'ShipmentBooked'));
    assert.ok(gappy);
    assert.deepEqual(missingEvents(gappy), { versions: [3, 5], count: 2 });
    assert.deepEqual([gappy.status, gappy.payment, gappy.version], ['DELIVERED', 'NONE', 7]);
  });

  it('names the first hundred of a billion missing events, and how many there are', () => {
    const [created, reserved] = orderHistory(stories.completed);
    const far = fold([created!, { ...reserved!, aggregateVersion: 1_000_000_000 }]);
    assert.ok(far);
    const { versions, count } = missingEvents(far);
    assert.deepEqual([versions.length, versions[0], versions.at(-1), count], [100, 2, 101, 999_999_998]);
  });

  it('is not made without its beginning', () => {
    assert.equal(fold(orderHistory(stories.completed).slice(1)), undefined);
  });
});
