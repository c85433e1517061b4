import assert from 'node:assert/strict';
import { roles, type Principal } from '../../../api/auth/principal.ts';
import { contracts } from '../../../api/contracts.ts';
import type { SagaAnswer, SagaControl } from '../../../api/sagas/saga-control.ts';
import type { Knex } from '../../../db/connection.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import { placeOrder } from '../../../domain/order.ts';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { operationsOf, type Operation } from '../../support/api-document.ts';
import { serveBothApis } from '../../support/both-apis.ts';
import { newOrder, orderContent, orderHistory } from '../../support/builders.ts';
import { createTestDatabase } from '../../support/database.ts';
import { getJson, PRINCIPAL_HEADER, principalOfHeader } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';
import { applyEvents } from '../../support/projections.ts';

/** An order, and whose it is. */
interface Owned {
  readonly customerId: string;
  readonly orderId: string;
}

interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

const reason = 'because';
/** By operation, a request that is carried out, or refused for no reason of who asks. */
const samples: Readonly<Record<string, (about: Owned) => Sample>> = {
  listOrders: ({ customerId }) => ({ query: { customerId } }),
  showOrder: ({ orderId }) => ({ params: { id: orderId } }),
  searchOrders: ({ customerId }) => ({ query: { q: 'coffee', customerId } }),
  listCustomers: () => ({}),
  showCustomer: ({ customerId }) => ({ params: { id: customerId } }),
  inventory: () => ({}),
  operationsFigures: () => ({}),
  showCancellation: ({ orderId }) => ({ params: { id: orderId } }),
  listSagas: () => ({ query: { state: 'stuck' } }),
  sales: () => ({}),
  eventHistory: () => ({}),
  listProducts: () => ({}),
  followOrder: ({ orderId }) => ({ params: { id: orderId } }),
  followEvents: () => ({}),
  placeOrder: ({ customerId }) => ({
    body: { customerId, lines: [{ sku: 'COFFEE-1KG', quantity: 1 }], paymentMethod: 'pm_card_visa' },
  }),
  cancelOrder: ({ orderId }) => ({ params: { id: orderId }, body: { reason } }),
  decideApproval: ({ orderId }) => ({ params: { id: orderId }, body: { decision: 'approve', reason } }),
  resolveSagas: () => ({ body: { cause: 'refundPayment: FAILED', action: 'retry', reason } }),
  resolveSaga: ({ orderId }) => ({
    params: { workflowId: orderWorkflowId(orderId) },
    body: { action: 'retry', reason },
  }),
  restartSaga: ({ orderId }) => ({ params: { workflowId: orderWorkflowId(orderId) }, body: { reason } }),
  outboxStatus: () => ({}),
  listAudit: () => ({}),
  listParked: () => ({}),
  showParked: () => ({ params: { seq: '1' } }),
  listParkedEvents: () => ({}),
  showParkedEvent: () => ({ params: { id: '1' } }),
  resolveParkedEvents: () => ({ body: { cause: 'unknown type X', action: 'retry', reason } }),
  resolveParkedEvent: () => ({ params: { id: '1' }, body: { action: 'retry', reason } }),
  editParkedEvent: () => ({ params: { id: '1' }, body: { event: {}, reason } }),
  retryParkedRows: () => ({ body: { cause: 'too large', action: 'retry', reason } }),
  resolveParked: () => ({ params: { seq: '1' }, body: { action: 'retry', reason } }),
};

const OWNER = 'customer-own';
const callers: readonly [name: string, principal: Principal | undefined][] = [
  ['nobody', undefined],
  ['somebody without roles', { subject: 'somebody', roles: [], customerId: OWNER }],
  ['a customer of no orders', { subject: 'somebody', roles: ['customer'] }],
  ...roles.map((role): [string, Principal] => [
    `a ${role}`,
    { subject: role, roles: [role], ...(role === 'customer' ? { customerId: OWNER } : {}) },
  ]),
];

type Expected = 401 | 403 | 404 | 'let in';

/** What the document says becomes of a request by who asks and whose order it is about. */
function expectedOf(operation: Operation, principal: Principal | undefined, about: Owned): Expected {
  if (!principal) return 401;
  if (!operation.roles.some((role) => (principal.roles as readonly string[]).includes(role))) return 403;
  const actsForOthers = principal.roles.some((role) => role === 'operator' || role === 'admin');
  const isOwn = principal.customerId === about.customerId;
  if (!operation.ownOrders || actsForOthers || isOwn) return 'let in';
  return operation.path.includes('{id}') ? 404 : 403;
}

describe('who may do what, as the OpenAPI document says', () => {
  let apis: Awaited<ReturnType<typeof serveBothApis>>;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let operations: readonly Operation[];
  let orders: readonly [whose: string, about: Owned][];
  let asked = 0;

  const answer = (): Promise<SagaAnswer> => {
    asked += 1;
    return Promise.resolve({ kind: 'DONE' });
  };
  const sagas: SagaControl = {
    cancel: answer,
    decideApproval: answer,
    resolve: answer,
    stateOf: async () => {
      await answer();
      return 'TERMINATED';
    },
    start: () => Promise.resolve(true),
  };

  before(async () => {
    database = await createTestDatabase();
    const { db } = database;
    await listProducts(db, [{ sku: 'COFFEE-1KG', onHand: 1_000 }]);
    orders = [
      ['their own', await place(db, OWNER)],
      ['another’s', await place(db, 'customer-other')],
    ];
    apis = await serveBothApis({ db, sagas, authenticate: principalOfHeader });
    operations = operationsOf(await getJson(`${apis.url}/openapi.json`));
  });
  after(async () => {
    await apis.close();
    await database.drop();
  });

  /** What a request that is refused must leave alone. */
  async function changes(): Promise<unknown> {
    const [count] = await database.db('orders.orders').count({ orders: '*' });
    return { ...count, asked };
  }

  for (const { operationId } of contracts)
    it(operationId, async () => {
      const operation = operations.find((one) => one.operationId === operationId);
      const sample = samples[operationId];
      assert.ok(operation && sample, 'is in the document, and has a request here');
      for (const [caller, principal] of callers)
        for (const [whose, about] of orders) {
          const expected = expectedOf(operation, principal, about);
          const before = await changes();
          const { status } = await send(apis.url, operation, sample(about), principal);
          const outcome = status < 500 && ![401, 403, 404].includes(status) ? 'let in' : status;
          assert.equal(outcome, expected, `${caller}, about ${whose}: ${status}`);
          if (expected !== 'let in') assert.deepEqual(await changes(), before, 'nothing has changed');
        }
    });

  it('a list shows a customer their own orders, and an operator everybody’s', async () => {
    const listedTo = async (principal: Principal): Promise<Set<string>> => {
      const response = await fetch(`${apis.url}/orders`, {
        headers: { [PRINCIPAL_HEADER]: JSON.stringify(principal) },
      });
      const { items } = (await response.json()) as { items: Owned[] };
      return new Set(items.map(({ customerId }) => customerId));
    };
    assert.deepEqual(
      await listedTo({ subject: 'c', roles: ['customer'], customerId: OWNER }),
      new Set([OWNER]),
    );
    assert.deepEqual(
      await listedTo({ subject: 'o', roles: ['operator'] }),
      new Set([OWNER, 'customer-other']),
    );
  });
});

/** An order in the write tables and in the views. */
async function place(db: Knex, customerId: string): Promise<Owned> {
  const content = { ...orderContent, customerId };
  const order = newOrder(content);
  const [created] = orderHistory([placeOrder(content)], { orderId: order.id });
  assert.ok(created);
  await db.transaction(async (trx) => placeOrders(trx, [{ order, created }]));
  await applyEvents(db, [created]);
  return { customerId, orderId: order.id };
}

function send(
  base: string,
  { method, path }: Operation,
  { params = {}, query = {}, body }: Sample,
  principal: Principal | undefined,
): Promise<Response> {
  const url = new URL(
    path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => params[name] ?? ''),
    base,
  );
  url.search = new URLSearchParams(query).toString();
  return fetch(url, {
    method: method.toUpperCase(),
    headers: {
      ...(principal ? { [PRINCIPAL_HEADER]: JSON.stringify(principal) } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}
