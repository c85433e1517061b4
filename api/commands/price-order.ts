import type { Product } from '../../db/catalogue.ts';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { minorUnitDecimals } from '../../domain/currencies.ts';
import { exactTotalOf, MOST_OF_AN_ORDER, type PricedLine } from '../../domain/money.ts';
import type { OrderContent } from '../../domain/order.ts';
import { FieldProblem } from '../field-problem.ts';

/**
 * Gives each line the catalogue's price.
 * @param products those of the request's products that the catalogue has, and maybe others
 * @throws FieldProblem UNKNOWN_SKU or MIXED_CURRENCIES naming each line at fault, VALIDATION_FAILED for a total that is
 * too large, or a currency of the catalogue that is not known
 */
export function priceOrder(
  products: ReadonlyMap<string, Product>,
  request: PlaceOrderRequest,
): Omit<OrderContent, 'totalMinor'> {
  const ordered = request.lines.flatMap(({ sku }) => products.get(sku) ?? []);
  if (ordered.length < request.lines.length) {
    const unknown = request.lines.flatMap(({ sku }, index) =>
      products.has(sku)
        ? []
        : [
            {
              field: `lines[${index}].sku`,
              message: `${sku} is not in the catalogue; GET /products lists what is`,
            },
          ],
    );
    throw new FieldProblem('UNKNOWN_SKU', unknown);
  }

  const currency = ordered[0]?.currency ?? '';
  if (ordered.some((product) => product.currency !== currency)) {
    const mixed = ordered.map((product, index) => ({
      field: `lines[${index}].sku`,
      message: `${product.sku} is priced in ${product.currency}; order each currency separately`,
    }));
    throw new FieldProblem('MIXED_CURRENCIES', mixed);
  }
  if (minorUnitDecimals(currency) === undefined) {
    // The catalogue takes no such price; what is in it may be older than that.
    const message = `is priced in ${currency}, which is no currency of ISO 4217; it cannot be ordered`;
    throw new FieldProblem('VALIDATION_FAILED', [{ field: 'lines[0].sku', message }]);
  }
  const lines = request.lines.map(({ sku, quantity }, index): PricedLine => ({
    sku,
    quantity,
    unitPriceMinor: ordered[index]?.priceMinor ?? 0,
  }));
  requireTotal(lines);
  return { customerId: request.customerId, lines, currency, paymentMethod: request.paymentMethod };
}

/** @throws FieldProblem VALIDATION_FAILED */
function requireTotal(lines: readonly PricedLine[]): void {
  const total = exactTotalOf(lines);
  if (total <= BigInt(MOST_OF_AN_ORDER)) return;
  const message = `the total ${total} is above ${MOST_OF_AN_ORDER} minor units; order less`;
  throw new FieldProblem('VALIDATION_FAILED', [{ field: 'lines', message }]);
}
