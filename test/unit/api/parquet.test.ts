import assert from 'node:assert/strict';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import type { Column, Row } from '../../../api/analytics/columns.ts';
import { toParquet } from '../../../api/analytics/parquet.ts';

const columns: readonly Column[] = [
  { name: 'at', type: 'time' },
  { name: 'day', type: 'day' },
  { name: 'sum', type: 'whole' },
];

async function file(rows: readonly Row[]): Promise<ArrayBuffer> {
  async function* pages(): AsyncGenerator<readonly Row[]> {
    yield await Promise.resolve(rows);
  }
  const parts: Buffer[] = [];
  for await (const part of toParquet({ columns, pages: pages() })) parts.push(part);
  return new Uint8Array(Buffer.concat(parts)).buffer;
}

describe('a Parquet file', () => {
  it('says of its times that they are UTC, in both ways that readers know', async () => {
    const { schema } = parquetMetadata(
      await file([{ at: '2026-01-10T23:30:00.000Z', day: null, sum: null }]),
    );
    const at = schema.find(({ name }) => name === 'at');
    assert.deepEqual(at?.logical_type, { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' });
    assert.equal(at.converted_type, 'TIMESTAMP_MILLIS');
    assert.equal(schema.find(({ name }) => name === 'day')?.converted_type, 'DATE');
  });

  it('gives back times to the millisecond, with their range in the statistics', async () => {
    const times = ['2026-03-29T00:59:59.999Z', '2026-03-29T01:00:00.000Z', '1969-12-31T23:59:59.999Z'];
    const bytes = await file(times.map((at) => ({ at, day: '2026-03-29', sum: 1 })));
    const slice = (start: number, end?: number): ArrayBuffer => bytes.slice(start, end);
    const rows = await parquetReadObjects({ file: { byteLength: bytes.byteLength, slice } });
    assert.deepEqual(
      rows.map(({ at }) => (at as Date).toISOString()),
      times,
    );
    const { statistics } = parquetMetadata(bytes).row_groups[0]!.columns[0]!.meta_data!;
    assert.deepEqual(
      [statistics?.min_value, statistics?.max_value].map((value) => (value as Date).toISOString()),
      [times[2], times[1]],
    );
  });

  it('holds whole numbers of 64 bits, and refuses larger ones instead of cutting them off', async () => {
    const bytes = await file([{ at: null, day: null, sum: String(2n ** 63n - 1n) }]);
    const slice = (start: number, end?: number): ArrayBuffer => bytes.slice(start, end);
    const [row] = await parquetReadObjects({ file: { byteLength: bytes.byteLength, slice } });
    assert.equal(row?.['sum'], 2n ** 63n - 1n);
    await assert.rejects(file([{ at: null, day: null, sum: String(2n ** 63n) }]), /64 bits/);
  });
});
