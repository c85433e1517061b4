import { textFault } from '../domain/text.ts';
import { toEvent, type Provenance } from '../domain/events.ts';
import { requirePrice } from '../domain/money.ts';
import { newId, type Clock } from '../platform/clock.ts';
import type { Knex } from './connection.ts';
import { appendEvents } from './event-store.ts';

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly priceMinor: number;
  /** ISO 4217 code. */
  readonly currency: string;
}

/** Current prices of those SKUs that the catalogue has, by SKU. */
export async function findProducts(db: Knex, skus: readonly string[]): Promise<Map<string, Product>> {
  const rows = await db<{ sku: string; name: string; price_minor: string; currency: string }>(
    'orders.products',
  )
    .whereIn('sku', skus)
    .select('sku', 'name', 'price_minor', 'currency');
  return new Map(
    rows.map(({ price_minor, ...row }) => [row.sku, { ...row, priceMinor: Number(price_minor) }]),
  );
}

// The row lock of the upsert orders the product's versions.
const upsertProduct = `
  insert into orders.products as p (sku, name, price_minor, currency, version)
  values (:sku, :name, :priceMinor, :currency, 1)
  on conflict (sku) do update
    set name = excluded.name, price_minor = excluded.price_minor, currency = excluded.currency, version = p.version + 1
  returning version`;

const LONGEST_NAME = 200;

/**
 * Lists a product or changes its name and price, with its `ProductListed` event in the same transaction.
 * @throws RangeError for a name with hidden characters, an unknown currency, or a price out of bounds
 */
export async function listProduct(
  { db, clock }: { db: Knex; clock: Clock },
  product: Product,
  provenance: Provenance,
): Promise<void> {
  const { sku, name, priceMinor, currency } = product;
  const fault = textFault(name, LONGEST_NAME);
  if (fault !== undefined) throw new RangeError(`the name of product ${sku} ${fault}`);
  requirePrice({ amountMinor: priceMinor, currency });
  await db.transaction(async (trx) => {
    const { rows } = await trx.raw<{ rows: { version: number }[] }>(upsertProduct, {
      sku,
      name,
      priceMinor,
      currency,
    });
    const [row] = rows;
    if (!row) throw new Error(`product ${sku} was not written`);
    const at = { id: newId(), aggregateId: sku, aggregateVersion: row.version, occurredAt: clock.now() };
    await appendEvents(trx, [
      toEvent({ type: 'ProductListed', data: { name, priceMinor, currency } }, at, provenance),
    ]);
  });
}
