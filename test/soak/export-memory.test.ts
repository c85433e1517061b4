import assert from 'node:assert/strict';
import { createExports } from '../../api/analytics/exports.ts';
import { createTestDatabase } from '../support/database.ts';
import { memoryFor } from '../support/export-memory.ts';
import { serveQueryApi } from '../support/query-api.ts';
import { addProducts } from '../support/sales-rows.ts';

const ROWS = 2_000_000;

describe('the memory that a very long export takes', function () {
  this.timeout(3_600_000);

  it(`of ${ROWS} rows as Parquet is some megabytes`, async () => {
    const database = await createTestDatabase();
    const { db } = database;
    for (let done = 0; done < ROWS; done += 250_000) await addProducts(db, 250_000, done);
    const api = await serveQueryApi(db, { exports: createExports({ atOnce: 1, timeoutMs: 3_600_000 }) });
    try {
      const period = 'from=2026-03-01&to=2026-03-01&by=sku';
      const { peakMb, bytes } = await memoryFor(`${api.url}/analytics/sales?${period}&format=parquet`);
      assert.ok(bytes > 20_000_000, String(bytes));
      assert.ok(peakMb < 30, `${peakMb.toFixed(1)} MB`);
    } finally {
      await api.close();
      await database.drop();
    }
  });
});
