import { Client, Pool } from 'pg';
import type { Knex } from '../../db/connection.ts';
import { legacySchema } from '../integration/outbox/retrofit/legacy.ts';
import { createEmptyDatabase } from './database.ts';

export interface ShopDatabase {
  readonly db: Knex;
  readonly client: Client;
  readonly pool: Pool;
  /** Of an item, how many are not set aside. */
  stockOf(item: string): Promise<number>;
  drop(): Promise<void>;
}

/** The legacy database of docs/retrofit.md, as it was before. */
export async function createShopDatabase(): Promise<ShopDatabase> {
  const database = await createEmptyDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(legacySchema);
  const pool = new Pool({ connectionString: database.url });
  // A pool has ended before its connections have: the drop may still find one.
  pool.on('error', () => undefined);
  return {
    db: database.db,
    client,
    pool,
    stockOf: async (item) => {
      const { rows } = await client.query<{ free: number }>('select free from shop.stock where item = $1', [
        item,
      ]);
      return rows[0]!.free;
    },
    drop: async () => {
      await Promise.all([client.end(), pool.end()]);
      await database.drop();
    },
  };
}
