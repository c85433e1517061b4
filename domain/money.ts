import { z } from 'zod';
import { minorUnitDecimals } from './currencies.ts';

/**
 * ISO 4217 alphabetic code, upper case. Any three letters: what is published once stays readable when a currency is
 * withdrawn. Prices go through `requirePrice`.
 */
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
 * The most that a new order may come to, in minor units. Some 90,000 orders of this size fit into a sum of the read
 * tables, which are 64-bit integers.
 */
export const MOST_OF_AN_ORDER = 100_000_000_000_000;

/** Sum of quantity × unit price, in minor units. */
export const exactTotalOf = (lines: readonly PricedLine[]): bigint =>
  lines.reduce((sum, line) => sum + BigInt(line.quantity) * BigInt(line.unitPriceMinor), 0n);

/**
 * The same as a number.
 * @throws RangeError when the sum leaves the safe integers, because beyond them cents get lost silently.
 */
export function totalOf(lines: readonly PricedLine[]): number {
  const total = exactTotalOf(lines);
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`the total ${total} is above ${Number.MAX_SAFE_INTEGER} minor units`);
  }
  return Number(total);
}

/** @throws RangeError for what is no price: a currency that is not known, or an amount out of bounds */
export function requirePrice({ amountMinor, currency }: Money): void {
  if (minorUnitDecimals(currency) === undefined)
    throw new RangeError(`"${currency}" is no currency of ISO 4217; give a code such as EUR`);
  if (!Number.isSafeInteger(amountMinor) || amountMinor < 0)
    throw new RangeError(
      `a price must be a whole number of minor units from 0 to ${Number.MAX_SAFE_INTEGER}, not ${amountMinor}`,
    );
}

/**
 * A sum over orders, in minor units: a number where it is exact as one, otherwise its digits as a text. JSON's readers
 * round numbers above 2^53 − 1.
 */
export type MinorSum = number | string;

/** Of an answer. */
export const minorSumSchema = z.union([
  minorUnitsSchema,
  z
    .string()
    .regex(/^\d{16,30}$/)
    .describe('The exact digits of a sum above 9007199254740991'),
]);

/** @param digits as PostgreSQL writes a numeric without decimals */
export const minorSumOf = (digits: string): MinorSum =>
  Number.isSafeInteger(Number(digits)) ? Number(digits) : digits;

/**
 * For people: `12.50 EUR`, with the decimals of ISO 4217 (JPY has none). Nothing of it depends on the machine: rows of
 * read tables hold it.
 */
export function formatMoney({ amountMinor, currency }: Money): string {
  const decimals = minorUnitDecimals(currency);
  if (decimals === undefined) return `${amountMinor} minor units of ${currency}`;
  if (decimals === 0) return `${amountMinor} ${currency}`;
  const digits = String(amountMinor).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)} ${currency}`;
}
