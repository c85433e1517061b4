import assert from 'node:assert/strict';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { DomainEvent } from '../../../domain/events.ts';
import { toEvent } from '../../../domain/events.ts';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { openHistory } from '../../../messaging/history.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { orderHistory, provenance, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import type { ProblemBody } from '../../support/http.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { serveQueryApi } from '../../support/query-api.ts';
import { messageOf } from '../../support/stream.ts';

type EventRow = Readonly<Record<string, unknown>>;

describe('GET /analytics/events.parquet', () => {
  const topology = newTopology();
  let database: TestDatabase;
  let messaging: Messaging;
  let api: Awaited<ReturnType<typeof serveQueryApi>>;
  let events: DomainEvent[];

  before(async () => {
    database = await createTestDatabase();
    messaging = await testMessaging();
    const open = (): ReturnType<typeof openHistory> => openHistory(messaging, topology);
    api = await serveQueryApi(database.db, { openHistory: open });
    await ensureStream(messaging.require(), topology);
    const listed = toEvent(
      { type: 'ProductListed', data: { name: 'Kettle', priceMinor: 6_450, currency: 'EUR' } },
      {
        id: newId(),
        aggregateId: 'KETTLE',
        aggregateVersion: 1,
        occurredAt: new Date('2026-02-01T00:00:00Z'),
      },
      provenance,
    );
    events = [
      ...orderHistory(stories.delivered, { startedAt: '2026-03-01T23:59:58.000Z' }),
      ...orderHistory(stories.lost, { startedAt: '2026-03-05T12:00:00.000Z' }),
      listed,
    ];
    await publish(events, topology);
  });
  after(async () => {
    await api.close();
    await (await messaging.require().jetstreamManager()).streams.delete(topology.stream);
    await messaging.close();
    await database.drop();
  });

  const publish = (published: readonly DomainEvent[], names: Topology): Promise<unknown> =>
    publishInOrder(
      messaging.require(),
      published.map((event) => messageOf(names, event)),
    );

  async function history(query = ''): Promise<EventRow[]> {
    const response = await fetch(`${api.url}/analytics/events.parquet?${query}`);
    assert.equal(response.status, 200);
    const bytes = await response.arrayBuffer();
    return parquetReadObjects({
      file: {
        byteLength: bytes.byteLength,
        slice: (start, end) => Promise.resolve(bytes.slice(start, end)),
      },
    });
  }
  const ids = async (query: string): Promise<unknown[]> => (await history(query)).map(({ id }) => id);

  it('has each event as it was published, in the order of the stream', async () => {
    const rows = await history();
    assert.deepEqual(
      rows.map(
        ({
          data: _data,
          amountMinor: _amount,
          currency: _currency,
          orderId: _order,
          occurredAt,
          ...row
        }) => ({
          ...Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)])),
          occurredAt: (occurredAt as Date).toISOString(),
        }),
      ),
      events.map(({ traceparent: _traceparent, data: _data, ...envelope }, index) => ({
        streamSequence: index + 1,
        ...envelope,
      })),
    );
  });

  it('has order, amount and currency beside the data where there are some', async () => {
    const rows = await history();
    const charged = rows.find(({ type }) => type === 'PaymentCharged');
    assert.equal(charged?.['orderId'], events[0]!.aggregateId);
    assert.deepEqual([plain(charged['amountMinor']), charged['currency']], [4_320, 'EUR']);
    assert.deepEqual(JSON.parse(String(charged['data'])), { amountMinor: 4_320, currency: 'EUR' });
    const listed = rows.at(-1);
    assert.deepEqual([listed?.['orderId'], listed?.['amountMinor']], [null, null]);
  });

  it('names neither customers nor what would lead to them', async () => {
    const text = (await history()).map(({ data }) => String(data)).join('\n');
    assert.ok(text.includes('"reason":"PARCEL_LOST"') && text.includes('"sku":"COFFEE-1KG"'), text);
    for (const personal of ['customer', 'ref', 'T1', 'detail']) assert.ok(!text.includes(personal), text);
  });

  it('can be had by type and by time, the last day included', async () => {
    const of = (wanted: (event: DomainEvent) => boolean): string[] =>
      events.filter(wanted).map(({ id }) => id);
    assert.deepEqual(
      await ids('type=OrderCreated'),
      of(({ type }) => type === 'OrderCreated'),
    );
    assert.deepEqual(
      await ids('from=2026-03-01&to=2026-03-01'),
      of(({ occurredAt }) => occurredAt.startsWith('2026-03-01')),
    );
    assert.deepEqual(await ids('from=2026-03-05T12:00:02Z&to=2026-03-05T12:00:03Z&type=PaymentCharged'), [
      events[9]!.id,
    ]);
    assert.deepEqual(await ids('from=2030-01-01'), []);
  });

  it('refuses what it does not know by name, and what is not Parquet', async () => {
    const problemOf = async (query: string, accept?: string): Promise<ProblemBody> => {
      const headers = accept === undefined ? {} : { accept };
      const response = await fetch(`${api.url}/analytics/events.parquet?${query}`, { headers });
      return (await response.json()) as ProblemBody;
    };
    const { errors } = await problemOf('type=OrderLost&from=yesterday&sort=id');
    assert.deepEqual(errors?.map(({ field }) => field).sort(), ['from', 'sort', 'type']);
    assert.equal((await problemOf('from=2026-03-02&to=2026-03-01')).errors?.[0]?.field, 'from');
    assert.equal((await problemOf('', 'text/csv')).status, 406);
  });

  it('a stream that is not there yet, or out of reach, is told as that', async () => {
    const open = [
      () => openHistory(messaging, newTopology()),
      () => openHistory({ current: undefined }, topology),
    ];
    for (const each of open) {
      const other = await serveQueryApi(database.db, { openHistory: each });
      const response = await fetch(`${other.url}/analytics/events.parquet`);
      assert.equal(response.status, 503);
      await other.close();
    }
  });

  it('more events than a page and a row group come all, in groups of bounded size', async () => {
    const many = newTopology();
    await ensureStream(messaging.require(), many);
    const published = Array.from({ length: 3_000 }, () => orderHistory(stories.completed)).flat();
    for (let first = 0; first < published.length; first += 1_000)
      await publish(published.slice(first, first + 1_000), many);
    const other = await serveQueryApi(database.db, { openHistory: () => openHistory(messaging, many) });
    try {
      const response = await fetch(`${other.url}/analytics/events.parquet`);
      const bytes = await response.arrayBuffer();
      const file = {
        byteLength: bytes.byteLength,
        slice: (start: number, end?: number) => Promise.resolve(bytes.slice(start, end)),
      };
      const { row_groups } = await parquetMetadataAsync(file);
      assert.ok(row_groups.length > 1 && row_groups.every(({ num_rows }) => num_rows <= 10_500n));
      const rows = await parquetReadObjects({ file, columns: ['id'] });
      assert.deepEqual(
        rows.map(({ id }): unknown => id),
        published.map(({ id }) => id),
      );
      const { state } = await (await messaging.require().jetstreamManager()).streams.info(many.stream);
      assert.equal(state.consumer_count, 0, 'no reader is left behind');
    } finally {
      await other.close();
      await (await messaging.require().jetstreamManager()).streams.delete(many.stream);
    }
  });
});

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
