import type { Knex } from '../db/connection.ts';
import type { ProductView } from './products.ts';

/** A pg `bigint` arrives as text. */
export type ProductRow = Omit<ProductView, 'priceMinor'> & { priceMinor: string | null };

export const productColumns = {
  sku: 'sku',
  name: 'name',
  priceMinor: 'price_minor',
  currency: 'currency',
  available: 'available',
  productVersion: 'product_version',
  stockVersion: 'stock_version',
} as const satisfies Record<keyof ProductView, string>;

export const toProductView = (row: ProductRow): ProductView => ({
  ...row,
  priceMinor: row.priceMinor === null ? null : Number(row.priceMinor),
});

export async function findProductViews(
  trx: Knex.Transaction,
  skus: readonly string[],
): Promise<Map<string, ProductView>> {
  if (skus.length === 0) return new Map();
  const rows: ProductRow[] = await trx('read.products')
    .whereRaw('sku = any(?)', [skus as string[]])
    .select(productColumns);
  return new Map(rows.map((row) => [row.sku, toProductView(row)]));
}

const upsert = `
  insert into read.products (sku, name, price_minor, currency, available, product_version, stock_version)
  select sku, name, "priceMinor", currency, available, "productVersion", "stockVersion"
  from jsonb_to_recordset(cast(:views as jsonb)) as r (sku text, name text, "priceMinor" bigint, currency text,
    available integer, "productVersion" integer, "stockVersion" integer)
  on conflict (sku) do update set
    name = excluded.name, price_minor = excluded.price_minor, currency = excluded.currency,
    available = excluded.available, product_version = excluded.product_version,
    stock_version = excluded.stock_version`;

export async function saveProductViews(trx: Knex.Transaction, views: readonly ProductView[]): Promise<void> {
  if (views.length > 0) await trx.raw(upsert, { views: JSON.stringify(views) });
}
