import assert from 'node:assert/strict';
import { providerCheck } from '../../../activities/audit/provider-check.ts';
import { booked, factsOf, type Row } from '../../support/audited-order.ts';

type Money = ReturnType<typeof booked> | undefined;

const judge = (row: Row | null, money: Money): string | undefined =>
  providerCheck.judge(factsOf(row, { money }));
const old = { isRecent: false };
const reserved: Row = { status: 'RESERVED', payment: 'NONE' };

/** A moment of a saga: the row, and what the provider may say then. */
const moments: readonly [what: string, row: Row, may: readonly Money[]][] = [
  ['an order that was just placed', { status: 'PENDING', inventory: 'NONE', payment: 'NONE' }, [undefined]],
  ['an order whose charge has acted before its row', reserved, [undefined, booked([100])]],
  [
    'an order that undoes a charge of which no answer came',
    { ...reserved, undoBegan: true },
    [undefined, booked([100]), booked([100], [], old), booked([100], [100])],
  ],
  ['a paid order', { status: 'PAID' }, [booked([100]), booked([100], [], old)]],
  [
    'a paid order that its order saga undoes',
    { status: 'PAID', undoBegan: true },
    [booked([100], [], old), booked([100], [100])],
  ],
  ['a completed order whose completion came before the fence', { undoBegan: true }, [booked([100])]],
  [
    'an order whose shipment has failed',
    { shipment: 'FAILED' },
    [booked([100], [], old), booked([100], [100])],
  ],
  ['an order whose refund is written', { shipment: 'FAILED', payment: 'REFUNDED' }, [booked([100], [100])]],
  [
    'an order whose refund is stuck after it has acted',
    { shipment: 'FAILED', stuckCause: 'refundPayment: FAILED' },
    [booked([100], [100], old)],
  ],
  ['a delivered order', { status: 'DELIVERED', shipment: 'DELIVERED' }, [booked([100], [], old)]],
  ['an order that was cancelled unpaid', { status: 'CANCELLED', payment: 'NONE' }, [undefined]],
  [
    'an order that was cancelled after it was paid',
    { status: 'CANCELLED', payment: 'REFUNDED' },
    [booked([100], [100], old)],
  ],
  [
    'an order whose second charge the provider gave back',
    { status: 'PAID' },
    [booked([100, 100], [100], old)],
  ],
];

describe('the comparison with the payment provider’s books', () => {
  for (const [what, row, may] of moments)
    it(`takes nothing for drift in ${what}`, () => {
      for (const money of may) assert.equal(judge(row, money), undefined);
    });

  for (const payment of ['BY_HAND', 'WAIVED'] as const)
    it(`leaves to operators what of a total stays charged (${payment}), and nothing beyond it`, () => {
      for (const money of [undefined, booked([100]), booked([100], [100]), booked([100], [40])])
        assert.equal(judge({ status: 'CANCELLED', payment }, money), undefined);
      assert.match(judge({ status: 'CANCELLED', payment }, booked([100, 100])) ?? '', /200 EUR in 2 entries/);
    });

  const drift: readonly [what: string, row: Row | null, money: Money, says: RegExp][] = [
    ['a charge of no order', null, booked([100]), /^the provider charged 100 EUR, and there is no such/],
    [
      'a refund of no order',
      null,
      booked([], [100]),
      /charged 0 EUR, gave back 100 EUR, and there is no such/,
    ],
    [
      'a delivered order that was never charged',
      { status: 'DELIVERED' },
      undefined,
      /^the provider charged nothing, and its total charged once would be right/,
    ],
    [
      'a delivered order that was given back a moment ago',
      { status: 'DELIVERED' },
      booked([100], [100]),
      /gave back 100 EUR, and its total charged once would be right \(status DELIVERED, payment CHARGED\)/,
    ],
    [
      'a completed order that was given back though its saga is past undoing',
      { undoBegan: true },
      booked([100], [100]),
      /its total charged once would be right/,
    ],
    [
      'an order that was charged twice',
      { status: 'PAID' },
      booked([100, 100]),
      /^the provider charged 200 EUR in 2 entries, and its total charged once would be right/,
    ],
    [
      'an order that was given back twice',
      { status: 'CANCELLED', payment: 'REFUNDED' },
      booked([100], [100, 100]),
      /gave back 200 EUR in 2 entries/,
    ],
    [
      'a cancelled order whose charge is kept',
      { status: 'CANCELLED', payment: 'NONE' },
      booked([100]),
      /nothing charged or its total charged and given back would be right \(status CANCELLED/,
    ],
    [
      'a refunded order whose charge is kept',
      { status: 'REFUNDED', payment: 'REFUNDED' },
      booked([100]),
      /would be right \(status REFUNDED, payment REFUNDED\)/,
    ],
    ['another amount', { status: 'PAID' }, booked([99]), /charged 99 EUR; its total is 100 EUR/],
    [
      'another currency',
      { status: 'PAID' },
      booked([100], [], { currency: 'USD' }),
      /100 USD; its total is 100 EUR/,
    ],
    [
      'a part that was given back',
      { status: 'PAID' },
      booked([100], [40]),
      /gave back 40 EUR, and its total charged once/,
    ],
    [
      'a charge of an order that is not reserved',
      { ...reserved, status: 'PENDING' },
      booked([100]),
      /nothing charged would be right/,
    ],
    [
      'a charge that the row has not known for long',
      reserved,
      booked([100], [], old),
      /^the provider charged 100 EUR for more than an hour, and its row does not know \(status RESERVED/,
    ],
    [
      'a refund that the row has not known for long',
      { shipment: 'FAILED' },
      booked([100], [100], old),
      /for more than an hour, and its row does not know \(status COMPLETED, payment CHARGED\)/,
    ],
  ];
  for (const [what, row, money, says] of drift)
    it(`names ${what}`, () => {
      assert.match(judge(row, money) ?? '', says);
    });
});
