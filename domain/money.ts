import { z } from 'zod';

/** ISO 4217 alphabetic code, upper case. */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR');

/** An amount in the currency's minor unit (cents for EUR): a safe integer, never negative. */
export const minorUnitsSchema = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export interface Money {
  /** In the currency's minor unit: a safe integer. */
  readonly amountMinor: number;
  /** ISO 4217 code. */
  readonly currency: string;
}

export interface PricedLine {
  readonly sku: string;
  readonly quantity: number;
  /** Price of one piece in minor units. */
  readonly unitPriceMinor: number;
}

/**
 * Sum of quantity × unit price, in minor units.
 * @throws RangeError when the sum leaves the safe integers, because beyond them cents get lost silently.
 */
export function totalOf(lines: readonly PricedLine[]): number {
  const total = lines.reduce((sum, line) => sum + BigInt(line.quantity) * BigInt(line.unitPriceMinor), 0n);
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`the total ${total} is above ${Number.MAX_SAFE_INTEGER} minor units`);
  }
  return Number(total);
}

/** For people: `12.50 EUR`. Uses the currency's own number of decimals (JPY has none). */
export function formatMoney({ amountMinor, currency }: Money): string {
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  return `${(amountMinor / 10 ** digits).toFixed(digits)} ${currency}`;
}
