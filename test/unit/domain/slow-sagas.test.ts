import assert from 'node:assert/strict';
import { hasEnded, orderStatuses } from '../../../domain/order.ts';
import { leastExpectedMs, stepAt, type OrderProgress } from '../../../domain/slow-sagas.ts';
import { sagaSettings } from '../../support/builders.ts';

const MINUTE_MS = 60_000;
const { deadlines } = sagaSettings();
const placed: OrderProgress = { status: 'PENDING', approval: 'NONE', shipment: 'NONE', undoBegan: false };

describe('the step at which a saga is', () => {
  const table: readonly [string, Partial<OrderProgress>, string, number][] = [
    ['just placed', {}, 'reserve inventory', deadlines.reservationMs],
    ['waiting for a person', { approval: 'REQUESTED' }, 'wait for approval', deadlines.approvalMs],
    ['approved', { approval: 'GRANTED' }, 'reserve inventory', deadlines.reservationMs],
    ['rejected', { approval: 'REFUSED' }, 'compensate', 0],
    [
      'reserved',
      { status: 'RESERVED' },
      'charge payment',
      Math.min(deadlines.paymentMs, deadlines.reservationMs),
    ],
    ['charged', { status: 'PAID' }, 'complete order', 0],
    ['reserved and being compensated', { status: 'RESERVED', undoBegan: true }, 'compensate', 0],
    ['completed', { status: 'COMPLETED' }, 'book carrier', deadlines.dispatchMs],
    [
      'booked',
      { status: 'COMPLETED', shipment: 'BOOKED' },
      'wait until the parcel has left',
      deadlines.dispatchMs,
    ],
    [
      'booked and being recalled',
      { status: 'COMPLETED', shipment: 'BOOKED', undoBegan: true },
      'compensate',
      0,
    ],
    [
      'on its way',
      { status: 'SHIPPED', shipment: 'DISPATCHED' },
      'wait until the parcel has arrived',
      deadlines.deliveryMs,
    ],
    [
      'on its way, because a recall came too late',
      { status: 'SHIPPED', shipment: 'DISPATCHED', undoBegan: true },
      'wait until the parcel has arrived',
      deadlines.deliveryMs,
    ],
    ['lost on its way', { status: 'SHIPPED', shipment: 'FAILED' }, 'compensate', 0],
  ];
  for (const [what, order, step, deadline] of table)
    it(`of an order that is ${what}: "${step}", which expects ${deadline === 0 ? 'a minute' : 'its deadline and a minute'}`, () => {
      const at = stepAt({ ...placed, ...order }, deadlines);
      assert.deepEqual([at?.step, at?.expectedMs], [step, deadline + MINUTE_MS]);
    });

  it('is none for an order that has ended', () => {
    for (const status of ['DELIVERED', 'CANCELLED', 'REFUNDED'] as const)
      assert.equal(stepAt({ ...placed, status }, deadlines), undefined);
  });

  it('expects no less than the least of its status, unless the saga compensates', () => {
    for (const status of orderStatuses.filter((each) => !hasEnded(each)))
      for (const approval of ['NONE', 'REQUESTED', 'GRANTED'] as const)
        for (const shipment of ['NONE', 'BOOKED', 'DISPATCHED'] as const) {
          const at = stepAt({ status, approval, shipment, undoBegan: false }, deadlines);
          assert.ok(
            (at?.expectedMs ?? 0) >= leastExpectedMs(status, deadlines),
            `${status} ${approval} ${shipment}`,
          );
        }
  });
});
