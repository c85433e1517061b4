import assert from 'node:assert/strict';
import fc from 'fast-check';
import { minorUnitDecimals } from '../../../domain/currencies.ts';
import { formatMoney, minorSumOf, minorSumSchema, requirePrice, totalOf } from '../../../domain/money.ts';

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
    for (const [amountMinor, shown] of [
      [0, '0.000 KWD'],
      [7, '0.007 KWD'],
      [12_345, '12.345 KWD'],
      [Number.MAX_SAFE_INTEGER, '9007199254740.991 KWD'],
    ] as const)
      assert.equal(formatMoney({ amountMinor, currency: 'KWD' }), shown);
  });

  it('is shown with the decimals of ISO 4217, also where the host’s locale data has others', () => {
    for (const [currency, shown] of Object.entries({
      ...{ HUF: '12345.67 HUF', IDR: '12345.67 IDR', COP: '12345.67 COP', UZS: '12345.67 UZS' },
      ...{ IQD: '1234.567 IQD', BHD: '1234.567 BHD', CLP: '1234567 CLP', ISK: '1234567 ISK' },
      ...{ CLF: '123.4567 CLF', UYW: '123.4567 UYW', UYI: '1234567 UYI', XCG: '12345.67 XCG' },
    }))
      assert.equal(formatMoney({ amountMinor: 1_234_567, currency }), shown);
  });

  it('each currency of ISO 4217’s list one has the decimals that the list says', () => {
    for (const [decimals, codes] of Object.entries(listOne))
      for (const code of codes.split(' ')) assert.equal(minorUnitDecimals(code), Number(decimals), code);
  });

  it('a currency without a minor unit, and one that nobody knows, has no price and is shown without a guess', () => {
    for (const currency of ['XAU', 'XDR', 'XXX', 'XTS', 'DEM', 'ABC', 'eur', '', 'constructor']) {
      assert.equal(minorUnitDecimals(currency), undefined);
      assert.throws(() => {
        requirePrice({ amountMinor: 1, currency });
      }, /ISO 4217/);
    }
    assert.equal(formatMoney({ amountMinor: 1_250, currency: 'ABC' }), '1250 minor units of ABC');
  });

  it('a price is a whole number of minor units that is exact', () => {
    requirePrice({ amountMinor: Number.MAX_SAFE_INTEGER, currency: 'EUR' });
    for (const amountMinor of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1])
      assert.throws(() => {
        requirePrice({ amountMinor, currency: 'EUR' });
      }, /whole number of minor units/);
  });

  it('a sum is a number while that is exact, and a text of its digits beyond', () => {
    assert.equal(minorSumOf('9007199254740991'), 9_007_199_254_740_991);
    assert.equal(minorSumOf('9007199254740993'), '9007199254740993');
    for (const sum of [0, 9_007_199_254_740_991, '27021597764222973'])
      assert.deepEqual(minorSumSchema.parse(sum), sum);
    for (const sum of [9_007_199_254_740_992, '12', '-27021597764222973', '1e20'])
      assert.ok(!minorSumSchema.safeParse(sum).success, String(sum));
  });
});

/** ISO 4217, list one of 2026-01-01, by decimals. */
const listOne = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: 'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};
