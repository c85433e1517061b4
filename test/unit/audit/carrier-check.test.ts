import assert from 'node:assert/strict';
import { carrierCheck } from '../../../activities/audit/carrier-check.ts';
import type { BookedParcel } from '../../../activities/audit/books.ts';
import { withEvent, type Streamed } from '../../../activities/audit/streamed.ts';
import { factsOf, paidRow, parcelAt, streamed, type Row } from '../../support/audited-order.ts';
import { orderHistory, stories } from '../../support/builders.ts';

type Status = BookedParcel['status'];

const judge = (
  row: Row | null,
  status?: Status,
  { isRecent = true, stream }: Seen = {},
): string | undefined =>
  carrierCheck.judge(
    factsOf(row, { ...(status && { parcel: parcelAt(status, isRecent) }), ...(stream && { stream }) }),
  );
interface Seen {
  readonly isRecent?: boolean;
  readonly stream?: Streamed;
}

const booked: Row = { shipment: 'BOOKED' };
const shipped: Row = { status: 'SHIPPED', shipment: 'DISPATCHED', inventory: 'SHIPPED' };
const failed: Row = { shipment: 'FAILED' };
const refunded: Row = {
  ...{ status: 'REFUNDED', shipment: 'FAILED', inventory: 'RELEASED', payment: 'REFUNDED' },
  cancelReason: 'CANCEL_REQUESTED',
};
const lost: Row = { ...refunded, inventory: 'SHIPPED', cancelReason: 'PARCEL_LOST' };
const overdue: Row = { ...lost, cancelReason: 'DELIVERY_OVERDUE' };

/** What may be for ever, and what only for a while: the row, and what the carrier says. */
const moments: readonly [
  what: string,
  row: Row,
  always: readonly (Status | undefined)[],
  lately?: readonly Status[],
][] = [
  ['an order that is not paid', { status: 'RESERVED', payment: 'NONE' }, [undefined, 'REFUSED', 'CANCELLED']],
  [
    'a cancelled order',
    { status: 'CANCELLED', payment: 'NONE', inventory: 'NONE' },
    [undefined, 'REFUSED', 'CANCELLED'],
  ],
  [
    'a completed order without a booking',
    {},
    [undefined, 'REFUSED', 'CANCELLED'],
    ['BOOKED', 'DISPATCHED', 'DELIVERED', 'LOST'],
  ],
  ['a booked order', booked, ['BOOKED'], ['DISPATCHED', 'DELIVERED', 'LOST', 'CANCELLED']],
  ['a shipped order', shipped, ['DISPATCHED'], ['DELIVERED', 'LOST']],
  [
    'a shipped order that gives the money back',
    { ...shipped, shipment: 'FAILED' },
    ['DISPATCHED', 'DELIVERED', 'LOST'],
  ],
  ['a delivered order', { ...shipped, status: 'DELIVERED', shipment: 'DELIVERED' }, ['DELIVERED']],
  ['an order whose shipment has failed', failed, [undefined, 'REFUSED', 'CANCELLED']],
  ['a refunded order', refunded, [undefined, 'REFUSED', 'CANCELLED']],
  ['an order that was refunded because its parcel was lost', lost, ['LOST']],
  ['an order that was refunded because its parcel was late', overdue, ['DISPATCHED', 'DELIVERED', 'LOST']],
];
const all: readonly (Status | undefined)[] = [
  ...[undefined, 'REFUSED', 'CANCELLED', 'BOOKED', 'DISPATCHED', 'DELIVERED', 'LOST'],
] as const;

describe('the comparison with the carrier’s books', () => {
  for (const [what, row, always, lately = []] of moments)
    it(`takes for drift in ${what} what its saga cannot have brought about, and nothing else`, () => {
      for (const status of all) {
        const isRight = always.includes(status);
        const isInMotion = lately.some((each) => each === status);
        // A parcel that was said to be lost may turn up again.
        if (row === lost && (status === 'DELIVERED' || status === 'DISPATCHED')) continue;
        assert.equal(judge(row, status) === undefined, isRight || isInMotion, `${status ?? 'none'}, lately`);
        assert.equal(
          judge(row, status, { isRecent: false }) === undefined,
          isRight,
          `${status ?? 'none'}, long ago`,
        );
      }
    });

  const drift: readonly [what: string, row: Row | null, status: Status | undefined, says: RegExp][] = [
    ['a parcel of no order', null, 'DISPATCHED', /^the carrier says DISPATCHED, and there is no such order$/],
    [
      'a parcel that has left and was refunded',
      refunded,
      'DISPATCHED',
      /NOT_FOUND or REFUSED or CANCELLED would be right \(status REFUNDED, .*CANCEL_REQUESTED\)/,
    ],
    ['a parcel of a refunded order that is still booked', refunded, 'BOOKED', /^the carrier says BOOKED/],
    [
      'a delivered order that the carrier has not delivered',
      { ...shipped, status: 'DELIVERED', shipment: 'DELIVERED' },
      'DISPATCHED',
      /and DELIVERED would be right/,
    ],
    ['a booked order of which the carrier knows nothing', booked, undefined, /says NOT_FOUND, and BOOKED/],
    [
      'a lost parcel whose stock was put back',
      { ...lost, inventory: 'RELEASED' },
      'LOST',
      /its stock is not booked out/,
    ],
  ];
  for (const [what, row, status, says] of drift)
    it(`names ${what}`, () => {
      assert.match(judge(row, status) ?? '', says);
    });

  it('names a parcel that was delivered long ago while its order waits for it', () => {
    const long = { isRecent: false };
    assert.match(
      judge(booked, 'DELIVERED', long) ?? '',
      /^the carrier has said DELIVERED for more than an hour, and its row does not know \(status COMPLETED, shipment BOOKED/,
    );
    assert.equal(
      judge({ ...booked, stuckCause: 'cancelBooking: FAILED' }, 'DELIVERED', long),
      undefined,
      'a saga that waits for an operator does not follow',
    );
  });

  it('finds nothing wrong with a parcel on its way that an operator has settled', () => {
    const settled = { ...paidRow, ...refunded };
    const stream = streamed(settled, { bookingSettled: true });
    for (const status of ['BOOKED', 'DISPATCHED', 'DELIVERED'] as const) {
      assert.equal(judge(refunded, status, { stream }), undefined);
      assert.equal(judge(failed, status, { stream: streamed(paidRow, { bookingSettled: true }) }), undefined);
      assert.equal(judge({ ...refunded, payment: 'WAIVED', inventory: 'BY_HAND' }, status), undefined);
    }
    assert.match(judge({ ...refunded, payment: 'WAIVED' }, 'DISPATCHED') ?? '', /says DISPATCHED/);
  });
  it('does not blame a refund while the event is missing that may tell of an operator’s decision', () => {
    const settled = { ...paidRow, ...refunded };
    assert.equal(
      judge(refunded, 'DISPATCHED', { stream: streamed(settled, { missing: [[3, 3]] }) }),
      undefined,
    );
    assert.equal(judge(refunded, 'DISPATCHED', { stream: streamed(settled, { highest: 3 }) }), undefined);
  });

  it('learns from events that an operator settled a booking, and does not forget it', () => {
    const [created, ...later] = orderHistory(stories.delivered);
    assert.ok(created);
    const resolved = (decision: 'retry' | 'waive', undo: 'cancelBooking' | 'refundPayment') =>
      ({
        ...created,
        ...{ type: 'StuckResolved', schemaVersion: 2, aggregateVersion: 2 },
        data: {
          ...{ workflowId: 'shipment-1', undo, occurrence: 1, decision },
          ...{ operator: 'olga', reason: 'called the carrier', waiver: null },
        },
      }) as unknown as typeof created;
    const fold = (...events: (typeof created)[]): Streamed | undefined =>
      events.reduce<Streamed | undefined>(withEvent, undefined);
    const [last] = later.slice(-1);
    assert.ok(last);
    assert.equal(fold(created, resolved('waive', 'cancelBooking'), last)?.bookingSettled, true);
    assert.equal(fold(created, last, resolved('waive', 'cancelBooking'))?.bookingSettled, true, 'late');
    assert.equal(fold(created, resolved('retry', 'cancelBooking'))?.bookingSettled, undefined);
    assert.equal(fold(created, resolved('waive', 'refundPayment'))?.bookingSettled, undefined);
  });
});
