import assert from 'node:assert/strict';
import { orderChecks } from '../../../activities/audit/order-checks.ts';
import { judgeOutbox, judgeStream } from '../../../activities/audit/event-checks.ts';
import type { OrderFacts, OrderRow } from '../../../activities/audit/order-facts.ts';
import { withEvent, type Streamed } from '../../../activities/audit/streamed.ts';
import { lacking, withVersion, type Versions } from '../../../activities/audit/versions.ts';
import { paidRow } from '../../support/audited-order.ts';
import { orderHistory, stories } from '../../support/builders.ts';

const row = paidRow;
type Known = Partial<Omit<OrderFacts, 'row'>> & { row?: Partial<OrderRow> };
function judge(name: string, { row: changed, ...known }: Known): string | undefined {
  const check = orderChecks.find((each) => each.name === name);
  assert.ok(check);
  const mayBeDropped = { first: false, last: false };
  return check.judge({
    isHeld: false,
    hasMoved: false,
    version: 4,
    mayBeDropped,
    row: { ...row, ...changed },
    ...known,
  });
}
const versions = (...all: readonly number[]): Versions =>
  all.reduce<Versions | undefined>(withVersion, undefined) ?? assert.fail('give a version');

describe('the checks of the audit', () => {
  it('totals: the lines of an order come to its total', () => {
    assert.equal(judge('totals', {}), undefined);
    assert.match(
      judge('totals', { row: { linesMinor: 99 } }) ?? '',
      /its lines come to 99, its total is 100/,
    );
  });
  it('reservations: what an operator has settled by hand is right either way', () => {
    for (const facet of ['BY_HAND', 'WAIVED'] as const)
      for (const reservation of ['HELD', 'RELEASED', undefined])
        assert.equal(judge('reservations', { row: { inventory: facet }, reservation }), undefined);
  });
  it('reservations: a step ahead of the row is right, two steps are not', () => {
    const right: readonly [Partial<OrderRow>, string | undefined][] = [
      [{ status: 'PENDING', inventory: 'NONE' }, undefined],
      [{ status: 'PENDING', inventory: 'NONE' }, 'HELD'],
      [{ status: 'CANCELLED', inventory: 'NONE' }, 'RELEASED'],
      [{}, 'HELD'],
      [{ shipment: 'BOOKED' }, 'SHIPPED'],
      [{ status: 'PAID', undoBegan: true }, 'RELEASED'],
      [{ inventory: 'SHIPPED', status: 'SHIPPED' }, 'SHIPPED'],
    ];
    const wrong: readonly [Partial<OrderRow>, string | undefined][] = [
      [{ status: 'PENDING', inventory: 'NONE' }, 'SHIPPED'],
      [{ status: 'CANCELLED', inventory: 'NONE' }, 'HELD'],
      [{}, undefined],
      [{}, 'RELEASED'],
      [{}, 'SHIPPED'],
      [{ inventory: 'RELEASED', status: 'CANCELLED' }, 'HELD'],
    ];
    for (const [changed, reservation] of right)
      assert.equal(judge('reservations', { row: changed, reservation }), undefined);
    for (const [changed, reservation] of wrong)
      assert.match(judge('reservations', { row: changed, reservation }) ?? '', /the reservation is/);
  });

  it('order-search and operations: an order that has ended waits for nobody, whatever its row keeps', () => {
    const { id, customerId, placedAt } = row;
    const stuckCause = 'refundPayment: DOWN';
    const shown = (status: OrderRow['status'], stuck: string | null) => ({
      search: { id, customerId, status, reason: null, stuck, skus: [], placedAt },
      run: { id, acceptedAt: placedAt, happened: 'accepted, completed', cause: null, stuck },
    });
    for (const name of ['order-search', 'operations']) {
      assert.equal(judge(name, { row: { stuckCause }, ...shown('COMPLETED', stuckCause) }), undefined);
      assert.match(judge(name, { row: { stuckCause }, ...shown('COMPLETED', null) }) ?? '', /^stuck: /);
      const ended = { row: { stuckCause, status: 'DELIVERED' } as const, ...shown('DELIVERED', null) };
      const run = { ...ended.run, happened: 'accepted, completed, delivered' };
      assert.equal(judge(name, { ...ended, run }), undefined);
    }
  });
  it('customers and operations: what an order counts as is not known while an event is missing', () => {
    const { id, placedAt } = row;
    const run = { id, acceptedAt: placedAt, happened: 'accepted', cause: null, stuck: null };
    const stream: Streamed = { ...versions(1, 2, 4), order: { ...row } };
    assert.match(
      judge('operations', { run }) ?? '',
      /^happened: accepted, completed in the row, accepted shown$/,
    );
    assert.equal(judge('operations', { run, stream }), undefined);
  });

  it('outbox: what it has dropped is not missing, what it skips is', () => {
    const kept = { first: false, last: false };
    const dropped = { first: true, last: true };
    assert.equal(judgeOutbox({ version: 3, outbox: versions(1, 2, 3), mayBeDropped: kept }), undefined);
    assert.equal(judgeOutbox({ version: 3, outbox: versions(3), mayBeDropped: dropped }), undefined);
    assert.equal(judgeOutbox({ version: 3, mayBeDropped: dropped }), undefined);
    assert.match(judgeOutbox({ version: 3, outbox: versions(3), mayBeDropped: kept }) ?? '', /begins at 3/);
    assert.match(judgeOutbox({ version: 3, mayBeDropped: { first: true, last: false } }) ?? '', /no event/);
    assert.match(
      judgeOutbox({ version: 3, outbox: versions(1, 3), mayBeDropped: dropped }) ?? '',
      /version 2 not/,
    );
    assert.match(
      judgeOutbox({ version: 3, outbox: versions(1, 2), mayBeDropped: dropped }) ?? '',
      /ends at 2/,
    );
    assert.match(judgeOutbox({ version: 0, outbox: versions(1), mayBeDropped: dropped }) ?? '', /no row/);
  });
  it('stream: only what the outbox holds can be missing there', () => {
    const mayBeDropped = { first: true, last: true };
    const stream = versions(1, 2, 5);
    assert.match(
      judgeStream({ version: 5, outbox: versions(3, 4, 5), stream, mayBeDropped }) ?? '',
      /versions 3 to 4/,
    );
    assert.equal(judgeStream({ version: 5, outbox: versions(5), stream, mayBeDropped }), undefined);
    assert.match(judgeStream({ version: 4, stream, mayBeDropped }) ?? '', /the stream is at 5, the row at 4/);
  });

  it('versions are held whatever the order in which they come, and repeats change nothing', () => {
    const held = versions(4, 2, 7, 4, 3);
    assert.deepEqual(held, { lowest: 2, highest: 7, missing: [[5, 6]] });
    assert.equal(withVersion(held, 7), held);
    assert.deepEqual(lacking(held, 8), [
      [1, 1],
      [5, 6],
      [8, 8],
    ]);
    assert.deepEqual(lacking(undefined, 2), [[1, 2]]);
  });
  it('an order’s state is what its events say; one that comes late changes nothing, as in projections', () => {
    const history = orderHistory(stories.delivered);
    const fold = (events: typeof history): Streamed | undefined =>
      events.reduce<Streamed | undefined>(withEvent, undefined);
    const state = {
      status: 'DELIVERED',
      inventory: 'SHIPPED',
      payment: 'CHARGED',
      shipment: 'DELIVERED',
      approval: 'NONE',
    };
    assert.deepEqual(fold(history)?.order, state);
    const [created, reserved, charged, ...rest] = history;
    assert.ok(created && reserved && charged);
    const late = fold([created, charged, ...rest, reserved]);
    assert.deepEqual(late?.missing, []);
    assert.equal(late.order?.inventory, 'SHIPPED');
    assert.equal(fold([reserved, charged])?.order, undefined, 'without its beginning nobody knows');
  });
});
