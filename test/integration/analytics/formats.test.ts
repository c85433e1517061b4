import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer } from 'hyparquet';
import type { Knex } from '../../../db/connection.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { getJson, type ProblemBody } from '../../support/http.ts';
import { serveQueryApi } from '../../support/query-api.ts';
import { addProducts, addSales } from '../../support/sales-rows.ts';

const JSON_TYPE = 'application/json';
const PARQUET = 'application/vnd.apache.parquet';
const asBuffer = (bytes: ArrayBuffer): AsyncBuffer => ({
  byteLength: bytes.byteLength,
  slice: (start, end) => Promise.resolve(bytes.slice(start, end)),
});

describe('sales as files', () => {
  let database: TestDatabase;
  let db: Knex;
  let api: Awaited<ReturnType<typeof serveQueryApi>>;
  let sales: string;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    api = await serveQueryApi(db);
    sales = `${api.url}/analytics/sales`;
    const lines = [{ sku: 'COFFEE-1KG', quantity: 2, unitPriceMinor: 1_890 }];
    await addSales(db, [
      { placedAt: '2026-01-10T12:00:00Z', status: 'COMPLETED', currency: 'EUR', lines },
      { placedAt: '2026-01-11T12:00:00Z', status: 'CANCELLED', currency: 'JPY', lines },
      { placedAt: '2026-01-08T12:00:00Z', status: 'REFUNDED', currency: 'JPY', lines },
    ]);
    await addProducts(db, 25_000);
  });
  after(async () => {
    await api.close();
    await database.drop();
  });

  const get = (query: string, accept?: string): Promise<Response> =>
    fetch(`${sales}?${query}`, accept === undefined ? {} : { headers: { accept } });
  const typeOf = ({ headers }: Response): string | undefined => headers.get('content-type')?.split(';')[0];

  const questions = {
    'of days': 'from=2026-01-10&to=2026-01-11',
    'of nothing': 'from=2020-01-10&to=2020-01-11',
    'with the period before': 'from=2026-01-10&to=2026-01-11&compare=previous&fill=true&group=status',
    'of more rows than are kept as a copy': 'from=2025-01-01&to=2026-01-31&fill=true',
    'of more rows than a page and a row group': 'from=2026-03-01&to=2026-03-01&by=sku',
  };
  for (const [name, question] of Object.entries(questions)) {
    it(`CSV and Parquet ${name} hold what JSON says`, async () => {
      const { items } = await getJson<{ items: Record<string, string | number | null>[] }>(
        `${sales}?${question}`,
      );

      const csv = await (await get(question, 'text/csv')).text();
      assert.ok(csv.endsWith('\r\n') && !/[^\r]\n/.test(csv), 'RFC 4180: lines end with CRLF');
      assert.match(csv, /^[a-zA-Z,]+\r\n/, 'the names come first, also of nothing');
      const cells = parse<Record<string, string>>(csv, { columns: true });
      const asText = (value: string | number | null): string => (value === null ? '' : String(value));
      assert.deepEqual(
        cells,
        items.map((item) =>
          Object.fromEntries(Object.entries(item).map(([key, value]) => [key, asText(value)])),
        ),
      );

      const file = asBuffer(await (await get(question, PARQUET)).arrayBuffer());
      const rows = await parquetReadObjects({ file });
      const plain = (value: unknown): unknown =>
        value instanceof Date
          ? value.toISOString().slice(0, 10)
          : typeof value === 'bigint'
            ? Number(value)
            : value;
      assert.deepEqual(
        rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)]))),
        items,
      );
      const { num_rows } = await parquetMetadataAsync(file);
      assert.equal(Number(num_rows), items.length);
    });
  }

  it('columns of days are dates, of counts and money whole numbers, of rates doubles', async () => {
    const file = asBuffer(await (await get('by=week', PARQUET)).arrayBuffer());
    const { schema } = await parquetMetadataAsync(file);
    const typeOfColumn = (name: string): unknown => {
      const column = schema.find((element) => element.name === name);
      return column?.converted_type ?? column?.type;
    };
    assert.deepEqual(['week', 'currency', 'revenue', 'refundRate'].map(typeOfColumn), [
      ...['DATE', 'UTF8', 'INT64', 'DOUBLE'],
    ]);
  });

  it('what is wanted goes by Accept, and by `format` for links', async () => {
    for (const accept of [undefined, '*/*', 'text/html,*/*;q=0.8', JSON_TYPE])
      assert.equal(typeOf(await get('', accept)), JSON_TYPE, accept);
    assert.equal(typeOf(await get('', `${JSON_TYPE};q=0.5, text/csv`)), 'text/csv');
    assert.equal(typeOf(await get('format=parquet', 'text/html,*/*;q=0.8')), PARQUET);
    assert.equal((await get('', 'text/csv')).headers.get('vary')?.includes('Accept'), true);
  });

  it('a file has a name, with its days', async () => {
    const disposition = (await get('from=2026-01-01&to=2026-01-31&format=csv')).headers.get(
      'content-disposition',
    );
    assert.equal(disposition, 'attachment; filename="sales-2026-01-01-2026-01-31.csv"');
  });

  it('another type is refused with those that there are', async () => {
    const response = await get('', 'application/xml');
    assert.equal(response.status, 406);
    const { detail, type } = (await response.json()) as ProblemBody;
    assert.equal(type, 'urn:durable-orders:problem:not-acceptable');
    for (const offered of [JSON_TYPE, 'text/csv', PARQUET]) assert.ok(detail?.includes(offered), detail);
  });

  it('HEAD tells what GET would, and reads nothing for a file', async () => {
    for (const format of ['json', 'csv', 'parquet']) {
      const response = await fetch(`${sales}?format=${format}`, { method: 'HEAD' });
      assert.equal(response.status, 200);
      assert.equal(typeOf(response), { json: JSON_TYPE, csv: 'text/csv', parquet: PARQUET }[format]);
    }
  });
});
