import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatMoney, totalOf } from '../../../domain/money.ts';

describe('money', () => {
  it('a total is the exact sum of quantity × price, in any order of the lines', () => {
    const line = fc.record({
      sku: fc.constant('A'),
      quantity: fc.integer({ min: 1, max: 1_000 }),
      unitPriceMinor: fc.integer({ min: 0, max: 100_000_000 }),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 80 }), (lines) => {
        const exact = lines.reduce(
          (sum, { quantity, unitPriceMinor }) => sum + BigInt(quantity * unitPriceMinor),
          0n,
        );
        assert.equal(BigInt(totalOf(lines)), exact);
        assert.equal(totalOf(lines.toReversed()), totalOf(lines));
      }),
    );
  });

  it('a total beyond the safe integers is refused and not rounded', () => {
    const line = { sku: 'A', quantity: 1_000, unitPriceMinor: Number.MAX_SAFE_INTEGER };
    assert.throws(() => totalOf([line]), RangeError);
    assert.equal(totalOf([{ ...line, quantity: 1 }]), Number.MAX_SAFE_INTEGER);
  });

  it('is shown with the decimals of its currency', () => {
    assert.equal(formatMoney({ amountMinor: 1_250, currency: 'EUR' }), '12.50 EUR');
    assert.equal(formatMoney({ amountMinor: 1_250, currency: 'JPY' }), '1250 JPY');
  });
});
