import assert from 'node:assert/strict';
import type { Principal } from '../../../api/auth/principal.ts';
import { readTokenOf, type ReadPoint } from '../../../api/reading/read-token.ts';
import type { Knex } from '../../../db/connection.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { createTopology, PARTITIONS } from '../../../domain/topology.ts';
import { newId } from '../../../platform/clock.ts';
import { projections } from '../../../projections/projections.ts';
import { serveBothApis } from '../../support/both-apis.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase } from '../../support/database.ts';
import {
  getJson,
  noSagas,
  post,
  PRINCIPAL_HEADER,
  principalOfHeader,
  type ProblemBody,
} from '../../support/http.ts';
import { messageOf, parkingOfMessages } from '../../support/parked.ts';

interface Listed {
  readonly id: string;
  readonly aggregateId: string;
  readonly cause: string;
  readonly waiting: number;
}
interface Group {
  readonly cause: string;
  readonly count: number;
  readonly oldestParkedAt: string;
  readonly events: Listed[];
}
interface Order {
  readonly orderId: string;
  readonly version: number;
  readonly missingEvents?: number[];
  readonly heldUp?: { since: string; events: number; cause?: string };
}

const as = (principal: Principal): Record<string, string> => ({
  [PRINCIPAL_HEADER]: JSON.stringify(principal),
});
const operator = as({ subject: 'ada', roles: ['operator'] });
const customer = as({ subject: 'c', roles: ['customer'], customerId: 'customer-1' });
const path = '/operations/projections/parked';
const reason = 'the release is fixed';

describe('operators and events that could not be applied', () => {
  const topology = createTopology();
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let apis: Awaited<ReturnType<typeof serveBothApis>>;
  let db: Knex;
  let api: string;
  let parking: Awaited<ReturnType<typeof parkingOfMessages>>;
  let sequence = 0;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    apis = await serveBothApis({ db, sagas: noSagas, authenticate: principalOfHeader });
    api = apis.url;
  });
  after(async () => {
    await apis.close();
    await database.drop();
  });
  beforeEach(async () => {
    await db.raw('truncate read.parked_events');
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    parking = await parkingOfMessages({ db, projections, topology, partitions });
  });

  const carryOut = (): Promise<unknown> => parking.carryOutDecisions(() => Promise.resolve());
  /** A completed order of which one event has other content. @returns its events, as they should have come */
  async function parkOne(at: number, changes: object): Promise<OrderEvent[]> {
    const events = orderHistory(stories.completed);
    const messages = events.map((event, index) => {
      const body = { ...(asJson(event) as object), ...(index === at ? changes : {}) };
      return messageOf(topology, ++sequence, event, JSON.stringify(body));
    });
    await parking.apply(messages, 'first', () => Promise.resolve());
    return events;
  }
  const groups = async (query = ''): Promise<Group[]> =>
    (await getJson<{ groups: Group[] }>(`${api}${path}${query}`, operator)).groups;
  const show = (orderId: string, who = operator): Promise<Order> =>
    getJson<Order>(`${api}/orders/${orderId}`, who);
  async function sent(to: string, body: object, status: number): Promise<unknown> {
    const response = await post(`${api}${path}${to}`, body, operator);
    const answer: unknown = await response.json();
    assert.equal(response.status, status, JSON.stringify(answer));
    return answer;
  }

  it('are shown them by cause, page by page, with how many wait behind each', async () => {
    for (let n = 0; n < 3; n++) await parkOne(1, { type: 'StockFound' });
    await parkOne(2, { schemaVersion: 9 });
    const all = await groups();
    assert.deepEqual(
      all.map(({ cause, count, events }) => [cause, count, events.map(({ waiting }) => waiting)]),
      [
        ['PaymentCharged.v9: newer than this release', 1, [1]],
        ['unknown type StockFound', 3, [2, 2, 2]],
      ],
    );
    const walked: string[] = [];
    let cursor = '';
    do {
      const page = await getJson<{ groups: Group[]; nextCursor?: string }>(
        `${api}${path}?limit=3${cursor}`,
        operator,
      );
      walked.push(...page.groups.flatMap(({ events }) => events.map(({ id }) => id)));
      cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    assert.deepEqual(
      walked,
      all.flatMap(({ events }) => events.map(({ id }) => id)),
    );
    const [one] = await groups(`?aggregateId=${all[1]?.events[1]?.aggregateId ?? ''}`);
    assert.deepEqual(one?.events, [all[1]?.events[1]]);
  });

  it('are shown one with its body, its schema and how it differs from that', async () => {
    const data = { currency: 'EUR', providerReference: 7 };
    const [, , charged] = await parkOne(2, { data });
    const id = (await groups())[0]?.events[0]?.id ?? '';
    const event = await getJson<{
      body: string;
      schema: { properties: { data: { properties: object } } };
      differences: { field: string; problem: string }[];
    }>(`${api}${path}/${id}`, operator);
    assert.deepEqual(JSON.parse(event.body), { ...(asJson(charged!) as object), data });
    assert.deepEqual(Object.keys(event.schema.properties.data.properties), [
      'amountMinor',
      'currency',
      'providerReference',
    ]);
    assert.deepEqual(
      event.differences.map(({ field, problem }) => [field, problem]),
      [
        ['data.amountMinor', 'missing'],
        ['data.providerReference', 'type'],
      ],
    );
  });

  it('an order says that it is held up, alone and in a list, and why to operators alone', async () => {
    const events = await parkOne(2, { type: 'MoneyFound' });
    const orderId = events[0]!.aggregateId;
    const { heldUp, version } = await show(orderId);
    assert.deepEqual([version, heldUp?.events, heldUp?.cause], [2, 2, 'unknown type MoneyFound']);
    const toCustomer = (await show(orderId, customer)).heldUp;
    assert.deepEqual(toCustomer, { since: heldUp?.since, events: 2 });
    const { items } = await getJson<{ items: Order[] }>(`${api}/orders`, customer);
    assert.deepEqual(items.find((item) => item.orderId === orderId)?.heldUp, toCustomer);
    const { events: waiting } = (await groups())[0]!;
    await sent(`/${waiting[0]?.id}/resolve`, { action: 'discard', reason }, 200);
    await carryOut();
    const order = await show(orderId);
    assert.deepEqual([order.version, order.heldUp, order.missingEvents], [4, undefined, [3]]);
  });

  interface NotYet {
    readonly detail: string;
    readonly heldUp?: readonly { orderId: string; since: string; events: number; cause?: string }[];
  }
  async function notYet(points: readonly ReadPoint[], who: Record<string, string>) {
    const token = points.map(readTokenOf).join();
    const headers = { ...who, 'Read-Token': token };
    const response = await fetch(`${api}/products`, { headers });
    assert.equal(response.status, 202);
    return { retryAfter: response.headers.get('retry-after'), ...((await response.json()) as NotYet) };
  }

  it('a query with the token of an order that is held up says so, why to operators alone, and to nobody else', async () => {
    const [held, unheld] = [await parkOne(2, { type: 'MoneyFound' }), newId()];
    const orderId = held[0]!.aggregateId;
    const points = [
      { orderId, version: 4 },
      { orderId: unheld, version: 1 },
    ];
    const told = await notYet(points, operator);
    const cause = 'unknown type MoneyFound';
    assert.deepEqual(
      told.heldUp?.map((each) => [each.orderId, each.events, each.cause]),
      [[orderId, 2, cause]],
    );
    assert.equal(told.retryAfter, '60');
    assert.match(told.detail, /waits for an operator .* leave the Read-Token out/);
    assert.deepEqual(
      (await notYet(points, customer)).heldUp?.map((each) => [each.orderId, each.cause]),
      [[orderId, undefined]],
    );
    const another = as({ subject: 'd', roles: ['customer'], customerId: 'customer-2' });
    const plain = await notYet(points.slice(1), operator);
    assert.deepEqual(await notYet(points, another), plain);
    assert.deepEqual([plain.heldUp, plain.retryAfter], [undefined, '1']);
  });

  it('a query with the token of what an order had before it was held up is not told of that', async () => {
    const held = await parkOne(2, { type: 'MoneyFound' });
    const points = [
      { orderId: held[0]!.aggregateId, version: 2 },
      { orderId: newId(), version: 1 },
    ];
    assert.equal((await notYet(points, operator)).heldUp, undefined);
  });

  it('a query with the token of an order whose first event is parked says so to operators alone', async () => {
    const [first] = await parkOne(0, { data: {} });
    const points = [{ orderId: first!.aggregateId, version: 1 }];
    assert.equal((await notYet(points, operator)).heldUp?.[0]?.orderId, first!.aggregateId);
    assert.equal((await notYet(points, customer)).heldUp, undefined);
  });

  it('an order whose first event is parked is not there, and listed to operators', async () => {
    const events = await parkOne(0, { data: {} });
    const orderId = events[0]!.aggregateId;
    const response = await fetch(`${api}/orders/${orderId}`, { headers: customer });
    assert.equal(response.status, 404);
    const [group] = await groups(`?aggregateId=${orderId}`);
    assert.equal(group?.events[0]?.waiting, 3);
  });

  it('edit one against its schema, keeping what it is, and have it applied', async () => {
    const events = await parkOne(2, { data: { currency: 'EUR' } });
    const id = (await groups())[0]?.events[0]?.id ?? '';
    const edit = (changes: object, status: number): Promise<unknown> => {
      const event = { ...(asJson(events[2]!) as object), ...changes };
      return sent(`/${id}/edit`, { event, reason }, status);
    };
    const fieldsOf = (problem: unknown): string[] =>
      ((problem as ProblemBody).errors ?? []).map(({ field }) => field);
    assert.deepEqual(fieldsOf(await edit({ data: { amountMinor: 'x', currency: 'EUR' } }, 400)), [
      'event.data.amountMinor',
      'event.data.providerReference',
    ]);
    assert.deepEqual(fieldsOf(await edit({ id: newId(), aggregateVersion: 7 }, 400)), [
      'event.id',
      'event.aggregateVersion',
    ]);
    await edit({}, 200);
    assert.deepEqual((await getJson<{ differences: [] }>(`${api}${path}/${id}`, operator)).differences, []);
    await sent(`/${id}/resolve`, { action: 'retry', reason }, 200);
    await carryOut();
    assert.equal((await show(events[0]!.aggregateId)).version, 4);
    await sent(`/${id}/edit`, { event: {}, reason }, 409);
    await sent(`/${id}/resolve`, { action: 'retry', reason }, 409);
  });

  it('retry all of one cause at once, and are told how many are left', async () => {
    for (let n = 0; n < 3; n++) await parkOne(1, { type: 'StockFound' });
    const cause = 'unknown type StockFound';
    const answer = await sent('/resolve', { cause, action: 'retry', reason, limit: 2 }, 200);
    assert.deepEqual(answer, { action: 'retry', decided: 2, remaining: 1 });
    await carryOut();
    assert.deepEqual(
      (await groups()).map(({ count }) => count),
      [3],
    );
    const problem = (await sent('/resolve', { action: 'retry', reason }, 400)) as ProblemBody;
    assert.deepEqual(problem.errors, [
      { field: 'cause', message: 'name either cause or aggregateId, and not both' },
    ]);
  });

  it('are in the audit with what they decide, and no content of an event', async () => {
    await parkOne(2, { data: {} });
    const id = (await groups())[0]?.events[0]?.id ?? '';
    await sent(`/${id}/edit`, { event: { secret: 1 }, reason }, 400);
    await sent(`/${id}/resolve`, { action: 'discard', reason }, 200);
    const entries = await db('orders.audit')
      .whereRaw("details ->> 'id' = ?", [id])
      .orderBy('at')
      .select('action', 'subject', 'details');
    assert.deepEqual(entries, [
      { action: 'editParkedEvent', subject: 'ada', details: { id, reason } },
      { action: 'resolveParkedEvent', subject: 'ada', details: { id, action: 'discard', reason } },
    ]);
  });
});
