import { createPostgresInventory } from '../activities/inventory/postgres-inventory.ts';
import { findProducts, listProduct } from '../db/catalogue.ts';
import { connect } from '../db/connection.ts';
import { newId, systemClock } from '../platform/clock.ts';
import { loadConfig, migrateSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { configOrExit } from '../platform/run-process.ts';
import { demoProducts } from './demo-products.ts';

const config = configOrExit(() => loadConfig(migrateSchema));
const logger = createLogger('seed', config.LOG_LEVEL);
const db = connect({ url: config.DATABASE_URL, poolSize: 2, applicationName: 'durable-orders-seed' });
try {
  const inventory = createPostgresInventory({ db, clock: systemClock, nudge: () => undefined });
  const seedId = newId();
  const provenance = { correlationId: seedId, causationId: seedId, traceparent: '' };
  const listed = await findProducts(
    db,
    demoProducts.map(({ sku }) => sku),
  );
  const missing = demoProducts.filter(({ sku }) => !listed.has(sku));
  for (const { onHand, ...product } of missing) {
    // Stock first: a product that is listed was seeded whole.
    await inventory.setStock(product.sku, onHand, provenance);
    await listProduct({ db, clock: systemClock }, product, provenance);
  }
  logger.info({ listed: missing.map(({ sku }) => sku) }, 'demo products are there');
} finally {
  await db.destroy();
}
