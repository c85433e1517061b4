import type { Knex } from '../../db/connection.ts';

/** Pieces of a product. */
export interface InventoryLevel {
  readonly sku: string;
  /** Null while it is counted and not listed. */
  readonly name: string | null;
  readonly onHand: number;
  readonly reserved: number;
  /** What the next order can still take. */
  readonly available: number;
}

export interface InventoryFilter {
  /** Only products of which fewer are available. */
  readonly below?: number | undefined;
  readonly limit: number;
  /** The SKU with which the page before ended. */
  readonly after?: string | undefined;
}

/** By SKU, those whose stock was counted. @returns at most `limit`, and the cursor when there are more. */
export async function inventoryLevels(
  db: Knex,
  { below, limit, after }: InventoryFilter,
): Promise<{ levels: InventoryLevel[]; next?: string }> {
  // Goes along the primary key. Products are as many as people can keep in mind, so low stock needs no index.
  const query = db('read.products')
    .where('stock_version', '>', 0)
    .orderBy('sku')
    .limit(limit + 1)
    .select('sku', 'name', 'on_hand as onHand', 'reserved', 'available');
  if (below !== undefined) void query.where('available', '<', below);
  if (after !== undefined) void query.where('sku', '>', after);
  const rows = (await query) as InventoryLevel[];
  const levels = rows.slice(0, limit);
  const last = levels.at(-1);
  return rows.length > limit && last ? { levels, next: last.sku } : { levels };
}
