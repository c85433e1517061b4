import assert from 'node:assert/strict';
import { createExports } from '../../../api/analytics/exports.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { memoryFor } from '../../support/export-memory.ts';
import { serveQueryApi } from '../../support/query-api.ts';
import { addProducts } from '../../support/sales-rows.ts';

const FEW = 10_000;
const MANY = 100_000;

describe('the memory that an export takes', function () {
  this.timeout(300_000);
  let few: TestDatabase;
  let many: TestDatabase;
  before(async () => {
    few = await createTestDatabase();
    await addProducts(few.db, FEW);
    many = await createTestDatabase();
    await addProducts(many.db, MANY);
  });
  after(async () => {
    await few.drop();
    await many.drop();
  });

  const measure = async ({ db }: TestDatabase, format: string): ReturnType<typeof memoryFor> => {
    const api = await serveQueryApi(db, { exports: createExports({ atOnce: 1, timeoutMs: 600_000 }) });
    try {
      const period = 'from=2026-03-01&to=2026-03-01&by=sku';
      return await memoryFor(`${api.url}/analytics/sales?${period}&format=${format}`);
    } finally {
      await api.close();
    }
  };

  for (const format of ['json', 'csv', 'parquet'])
    it(`is the same for ${MANY} rows as for ${FEW} (${format})`, async () => {
      await measure(few, format); // what is loaded once
      const { peakMb: ofFew } = await measure(few, format);
      const { peakMb: ofMany, bytes } = await measure(many, format);
      assert.ok(bytes > 1_000_000, String(bytes));
      const told = `${ofMany.toFixed(1)} MB for many, ${ofFew.toFixed(1)} MB for few`;
      assert.ok(ofMany < 2 * ofFew + 5, told);
    });
});
