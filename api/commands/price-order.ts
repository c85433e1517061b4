import type { Product } from '../../db/catalogue.ts';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { totalOf, type PricedLine } from '../../domain/money.ts';
import type { OrderContent } from '../../domain/order.ts';
import { FieldProblem } from '../field-problem.ts';

/**
 * Gives each line the catalogue's price.
 * @param products those of the request's products that the catalogue has, and maybe others
 * @throws FieldProblem UNKNOWN_SKU or MIXED_CURRENCIES naming each line at fault, VALIDATION_FAILED for a total
 * beyond the safe integers.
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
  const lines = request.lines.map(({ sku, quantity }, index): PricedLine => ({
    sku,
    quantity,
    unitPriceMinor: ordered[index]?.priceMinor ?? 0,
  }));
  try {
    totalOf(lines);
  } catch (error) {
    const message = `${error instanceof Error ? error.message : String(error)}; order less`;
    throw new FieldProblem('VALIDATION_FAILED', [{ field: 'lines', message }]);
  }
  return { customerId: request.customerId, lines, currency, paymentMethod: request.paymentMethod };
}
