import type { Knex } from '../../db/connection.ts';
import { selectList } from '../kit/statements.ts';
import { decodeRow } from '../kit/table.ts';
import { productTable } from '../products.ts';

export interface ListedProduct {
  readonly sku: string;
  readonly name: string;
  /** In minor units. */
  readonly price: number;
  readonly currency: string;
  readonly available: number;
}

/** All products that are listed, by SKU; one whose stock was never counted has none. */
export async function listProducts(db: Knex): Promise<ListedProduct[]> {
  const rows: Record<string, unknown>[] = await db('read.products')
    .where('product_version', '>', 0)
    .orderBy('sku')
    .select(db.raw(selectList(productTable)));
  return rows
    .map((row) => decodeRow(productTable, row))
    .map(({ sku, name, priceMinor, currency, available }) => ({
      sku,
      name: name ?? sku,
      price: priceMinor ?? 0,
      currency: currency ?? '',
      available: available ?? 0,
    }));
}
