import {
  createPostgresInventory,
  type PostgresInventory,
} from '../../activities/inventory/postgres-inventory.ts';
import { listProduct } from '../../db/catalogue.ts';
import type { Knex } from '../../db/connection.ts';
import { systemClock } from '../../platform/clock.ts';
import { provenance } from './builders.ts';

interface TestProduct {
  readonly sku: string;
  readonly priceMinor?: number;
  readonly currency?: string;
  readonly onHand: number;
}

export const testInventory = (db: Knex): PostgresInventory =>
  createPostgresInventory({ db, clock: systemClock, nudge: () => undefined });

/** Lists products and counts their stock, as the seed does. */
export async function listProducts(db: Knex, products: readonly TestProduct[]): Promise<void> {
  for (const { sku, priceMinor = 1_000, currency = 'EUR', onHand } of products) {
    await testInventory(db).setStock(sku, onHand, provenance);
    await listProduct(
      { db, clock: systemClock },
      { sku, name: `Product ${sku}`, priceMinor, currency },
      provenance,
    );
  }
}

interface StockRow {
  readonly sku: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly shipped: number;
}

export const stockOf = async (db: Knex, sku: string): Promise<StockRow | undefined> =>
  db<StockRow>('inventory.stock')
    .where({ sku })
    .first('sku', 'on_hand', 'reserved', db.raw('shipped::integer as shipped'));
