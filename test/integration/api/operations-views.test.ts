import assert from 'node:assert/strict';
import { encodeAilingCursor } from '../../../api/queries/query-schemas.ts';
import { createQueryApp } from '../../../api/query-app.ts';
import type { Knex } from '../../../db/connection.ts';
import { recordSagaHealth } from '../../../db/saga-health.ts';
import type { OrderEvent, OrderFact } from '../../../domain/events.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../../domain/topology.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { getJson, httpDeps, type ProblemBody } from '../../support/http.ts';
import { applyEvents } from '../../support/projections.ts';

interface Group {
  readonly cause: string;
  readonly count: number;
  readonly oldestSince: string;
  readonly sagas: { readonly workflowId: string; readonly occurrence: number; readonly waiver?: object }[];
}
interface StuckPage {
  readonly groups: Group[];
  readonly nextCursor?: string;
}

describe('what operators see', () => {
  let database: TestDatabase;
  let db: Knex;
  let server: HttpServer;
  let api: string;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    const ui = { url: 'http://127.0.0.1:8233/', namespace: 'default' };
    const app = createQueryApp({ ...httpDeps(), db, clock: systemClock, ui, freshOrderWaitMs: 300 });
    server = await listen(app, '127.0.0.1', 0);
    api = `http://127.0.0.1:${server.port}`;
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const apply = (events: readonly OrderEvent[]): Promise<unknown> => applyEvents(db, events);
  async function place(facts: readonly OrderFact[], orderId = newId()): Promise<string> {
    await apply(orderHistory(facts, { orderId }));
    return orderId;
  }
  async function problemOf(path: string, status: number): Promise<ProblemBody> {
    const response = await fetch(api + path);
    assert.equal(response.status, status);
    return (await response.json()) as ProblemBody;
  }

  describe('GET /operations/sagas?state=stuck', () => {
    const stuckPath = '/operations/sagas?state=stuck';
    const times = ['2026-03-01T10:00:00.000Z', '2026-03-01T11:00:00.000Z', '2026-03-01T11:00:00.000Z'];
    /** How long after its first event an order is stuck, in ms. */
    const LATER = 3_000;
    const since = (n: number): string => new Date(Date.parse(times[n] ?? '') + LATER).toISOString();
    let unavailable: string[];
    let failedShipment: string;

    before(async () => {
      unavailable = [];
      for (const startedAt of times) {
        const orderId = newId();
        unavailable.push(orderId);
        await apply(orderHistory(stuckStory(orderId).stuck, { orderId, startedAt }));
      }
      failedShipment = newId();
      const { stuck } = stuckStory(failedShipment, {
        workflowId: shipmentWorkflowId(failedShipment),
        code: 'FAILED',
      });
      await apply(orderHistory(stuck, { orderId: failedShipment, startedAt: '2026-03-01T09:00:00.000Z' }));
      const settledId = newId();
      const story = stuckStory(settledId);
      await place([...story.stuck, ...story.settled], settledId);
    });

    it('groups the sagas that wait by cause, with how many there are and since when', async () => {
      const ui = 'http://127.0.0.1:8233/namespaces/default/workflows';
      const sagaOf = (orderId: string, at: string): object => ({
        workflowId: orderWorkflowId(orderId),
        orderId,
        saga: 'order',
        detail: 'no answer',
        attempts: 10,
        occurrence: 1,
        since: at,
        total: 4_320,
        currency: 'EUR',
        links: { order: `/orders/${orderId}`, workflow: `${ui}/order-${orderId}` },
      });
      const { groups } = await getJson<StuckPage>(api + stuckPath);
      assert.deepEqual(groups, [
        {
          cause: 'refundPayment: FAILED',
          undo: 'refundPayment',
          code: 'FAILED',
          count: 1,
          oldestSince: '2026-03-01T09:00:03.000Z',
          sagas: [
            {
              ...sagaOf(failedShipment, '2026-03-01T09:00:03.000Z'),
              workflowId: shipmentWorkflowId(failedShipment),
              saga: 'shipment',
              links: { order: `/orders/${failedShipment}`, workflow: `${ui}/shipment-${failedShipment}` },
            },
          ],
        },
        {
          cause: 'refundPayment: PAYMENT_UNAVAILABLE',
          undo: 'refundPayment',
          code: 'PAYMENT_UNAVAILABLE',
          count: 3,
          oldestSince: since(0),
          sagas: unavailable.map((orderId, n) => sagaOf(orderId, since(n))),
        },
      ]);
    });

    it('walks them all page by page, each once, with the figures of all on every page', async () => {
      const walked: string[] = [];
      let cursor = '';
      let pages = 0;
      do {
        // The first page ends between two that share a time.
        const page: StuckPage = await getJson(`${api}${stuckPath}&limit=3${cursor}`);
        assert.deepEqual(
          page.groups.map(({ count }) => count),
          [1, 3],
        );
        walked.push(...page.groups.flatMap(({ sagas }) => sagas).map(({ workflowId }) => workflowId));
        cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
        pages++;
      } while (cursor !== '');
      assert.equal(pages, 2);
      assert.deepEqual(walked, [
        shipmentWorkflowId(failedShipment),
        ...unavailable.map((orderId) => orderWorkflowId(orderId)),
      ]);
    });

    it('shows one cause alone', async () => {
      const cause = encodeURIComponent('refundPayment: FAILED');
      const { groups } = await getJson<StuckPage>(`${api}${stuckPath}&cause=${cause}`);
      assert.deepEqual(
        groups.map((group) => [group.cause, group.sagas.length]),
        [['refundPayment: FAILED', 1]],
      );
      const none = encodeURIComponent('releaseInventory: FAILED');
      assert.deepEqual(await getJson(`${api}${stuckPath}&cause=${none}`), { groups: [] });
    });

    it('shows who asks to waive, and since when, also with its order', async () => {
      const orderId = newId();
      const code = 'RESERVATION_FENCED';
      const { stuck, settled } = stuckStory(orderId, { code, decision: 'waive' });
      const events = orderHistory([...stuck, ...settled], { orderId, startedAt: '2026-03-03T10:00:00.000Z' });
      // The request in a page of its own, as it comes later.
      await apply(events.slice(0, 4));
      await apply(events.slice(4, 5));
      const waiver = {
        requestedBy: 'ada',
        reason: 'the account is closed',
        at: '2026-03-03T10:00:04.000Z',
      };
      const ofCode = `${api}${stuckPath}&cause=${encodeURIComponent(`refundPayment: ${code}`)}`;
      const { groups } = await getJson<StuckPage>(ofCode);
      assert.deepEqual(
        groups[0]?.sagas.map((saga) => saga.waiver),
        [waiver],
      );
      assert.deepEqual((await getJson<{ waiver: object }>(`${api}/orders/${orderId}`)).waiver, waiver);
      await apply(events.slice(5));
      assert.deepEqual(await getJson(ofCode), { groups: [] });
      assert.ok(!('waiver' in (await getJson<object>(`${api}/orders/${orderId}`))));
    });

    it('names each parameter that cannot be used, and what would do', async () => {
      for (const path of ['/operations/sagas', '/operations/sagas?state=running'])
        assert.deepEqual((await problemOf(path, 400)).errors, [
          { field: 'state', message: 'must be one of stuck, failing, slow' },
        ]);
      const zeroByte = 'refundPayment:%20A%00';
      const problem = await problemOf(
        `${stuckPath}&cause=${zeroByte}&limit=201&cursor=bm90IGEgY3Vyc29y&page=2`,
        400,
      );
      assert.deepEqual(problem.errors?.map(({ field }) => field).sort(), [
        'cause',
        'cursor',
        'limit',
        'page',
      ]);
    });
  });

  describe('GET /operations/sagas?state=failing and ?state=slow', () => {
    interface AilingPage {
      readonly state: string;
      readonly items: readonly { readonly workflowId: string; readonly ageSeconds: number }[];
      readonly examinedAt?: string;
      readonly nextCursor?: string;
    }
    const failingPath = '/operations/sagas?state=failing';
    const slowPath = '/operations/sagas?state=slow';
    const since = new Date(Date.now() - 3_600_000);
    const orderIds = Array.from({ length: 5 }, () => newId());
    const ailing = orderIds.map((orderId) => ({
      ...{
        workflowId: orderWorkflowId(orderId),
        orderId,
        saga: 'order' as const,
        step: 'charge payment',
        since,
      },
    }));

    it('say nothing of an examination before the first one', async () => {
      assert.deepEqual(await getJson(api + failingPath), { state: 'failing', items: [] });
    });

    it('show what the last examination found, with age, and cause or expectation', async () => {
      const [broken, late] = ailing;
      await recordSagaHealth(
        db,
        {
          failing: [{ ...broken!, cause: 'NONDETERMINISM', attempts: 3 }],
          slow: [{ ...late!, expectedMs: 90_000 }],
        },
        new Date(),
      );
      const views: readonly [string, string, object][] = [
        [failingPath, orderIds[0]!, { cause: 'NONDETERMINISM', attempts: 3 }],
        [slowPath, orderIds[1]!, { expectedSeconds: 90 }],
      ];
      for (const [path, orderId, own] of views) {
        const { items, examinedAt } = await getJson<AilingPage>(api + path);
        const ageSeconds = items[0]?.ageSeconds ?? 0;
        assert.ok(Math.abs(ageSeconds - (Date.now() - since.getTime()) / 1_000) < 60, String(ageSeconds));
        assert.ok(Math.abs(Date.parse(examinedAt!) - Date.now()) < 60_000, examinedAt);
        const workflow = `http://127.0.0.1:8233/namespaces/default/workflows/order-${orderId}`;
        assert.deepEqual(items, [
          {
            ...{ workflowId: orderWorkflowId(orderId), orderId, saga: 'order', step: 'charge payment' },
            ...{ since: since.toISOString(), ageSeconds, ...own },
            links: { order: `/orders/${orderId}`, workflow },
          },
        ]);
      }
    });

    it('walk them all page by page, each once, also those that share a time', async () => {
      await recordSagaHealth(
        db,
        {
          failing: ailing.map((saga) => ({ ...saga, cause: 'WORKFLOW_BUG', attempts: 9 })),
          slow: [],
        },
        new Date(),
      );
      const walked: string[] = [];
      let cursor = '';
      do {
        const page: AilingPage = await getJson(`${api}${failingPath}&limit=2${cursor}`);
        walked.push(...page.items.map(({ workflowId }) => workflowId));
        cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
      } while (cursor !== '');
      assert.deepEqual(walked, orderIds.map(orderWorkflowId).sort());
    });

    it('refuse a cause and the cursor of another list, by name', async () => {
      const cursor = encodeAilingCursor({ since: since.toISOString(), workflowId: orderWorkflowId(newId()) });
      const cause = encodeURIComponent('refundPayment: FAILED');
      const refused: readonly [string, string][] = [
        [`${failingPath}&cause=${cause}`, 'cause'],
        [`/operations/sagas?state=stuck&cursor=${cursor}`, 'cursor'],
      ];
      for (const [path, field] of refused)
        assert.deepEqual(
          (await problemOf(path, 400)).errors?.map((error) => error.field),
          [field],
        );
    });
  });

  describe('an order', () => {
    it('shows what waits for approval', async () => {
      const orderId = newId();
      const limit = { amountMinor: 4_320, currency: 'EUR', limitMinor: 4_000 };
      const facts: OrderFact[] = [stories.completed[0], { type: 'ApprovalRequested', data: limit }];
      for (const event of orderHistory(facts, { orderId })) await apply([event]);
      const order = await getJson<{ approval: string }>(`${api}/orders/${orderId}`);
      assert.equal(order.approval, 'REQUESTED');
      assert.ok(!('stuck' in order));
    });

    it('shows why it is stuck, alone and in a list, and no more once an operator has decided', async () => {
      const orderId = newId();
      const { stuck, settled } = stuckStory(orderId);
      const events = orderHistory([...stuck, ...settled], { orderId, startedAt: '2026-03-02T10:00:00.000Z' });
      await apply(events.slice(0, 4));
      const order = await getJson<{ stuck: string }>(`${api}/orders/${orderId}`);
      assert.equal(order.stuck, 'refundPayment: PAYMENT_UNAVAILABLE');
      const { items } = await getJson<{ items: { orderId: string; stuck?: string }[] }>(`${api}/orders`);
      assert.equal(items.find((item) => item.orderId === orderId)?.stuck, order.stuck);
      await apply(events.slice(4));
      const settledOrder = await getJson<{ payment: string }>(`${api}/orders/${orderId}`);
      assert.equal(settledOrder.payment, 'BY_HAND');
      assert.ok(!('stuck' in settledOrder));
    });
  });

  describe('GET /orders/:id/cancellation', () => {
    const both = [
      { sku: 'COFFEE-1KG', quantity: 2 },
      { sku: 'FILTER', quantity: 6 },
    ];
    const cases: readonly [string, readonly OrderFact[], object][] = [
      [
        'nothing of an order that has only been placed',
        stories.completed.slice(0, 1),
        { stock: [], amount: 0, shipment: false },
      ],
      [
        'the reservation alone before the charge',
        stories.completed.slice(0, 2),
        { stock: both, amount: 0, shipment: false },
      ],
      [
        'stock and money of a completed order',
        stories.completed,
        { stock: both, amount: 4_320, shipment: false },
      ],
      ['the booking as well', stories.delivered.slice(0, 5), { stock: both, amount: 4_320, shipment: true }],
    ];
    for (const [what, facts, wouldUndo] of cases)
      it(`tells that it would undo ${what}`, async () => {
        const orderId = await place(facts);
        assert.deepEqual(await getJson(`${api}/orders/${orderId}/cancellation`), {
          orderId,
          possible: true,
          wouldUndo: { ...wouldUndo, currency: 'EUR' },
        });
      });

    it('says what to do instead once the parcel has left', async () => {
      const orderId = await place(stories.delivered.slice(0, 6));
      const { instead, ...rest } = await getJson<{ instead: string }>(
        `${api}/orders/${orderId}/cancellation`,
      );
      assert.deepEqual(rest, {
        orderId,
        possible: false,
        wouldUndo: { stock: [], amount: 0, currency: 'EUR', shipment: false },
      });
      assert.match(instead, /^the parcel has left; /);
    });

    it('says 404 for an order that is not there', async () => {
      for (const id of ['0188f1a0-0000-7000-8000-000000000000', 'no-uuid']) {
        const problem = await problemOf(`/orders/${id}/cancellation`, 404);
        assert.equal(problem.type, 'urn:durable-orders:problem:not-found');
      }
    });
  });

  it('both tell how old they may be, and take GET and HEAD only', async () => {
    const orderId = await place(stories.completed);
    for (const path of ['/operations/sagas?state=stuck', `/orders/${orderId}/cancellation`]) {
      const head = await fetch(api + path, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('projection-lag')], [200, 'unknown']);
      const refused = await fetch(api + path, { method: 'DELETE' });
      assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
    }
  });
});
