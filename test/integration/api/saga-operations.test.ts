import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect as connectTo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { createTemporalSagaControl } from '../../../api/sagas/temporal-saga-control.ts';
import { createOrderRepository, findOrder } from '../../../db/order-repository.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { failureDetail, type FailureCode } from '../../../domain/failure-texts.ts';
import { insteadOfCancelling } from '../../../domain/cancellation.ts';
import type { OrderSagaInput } from '../../../domain/order-saga.ts';
import { placeOrder, type OrderCommand, type OrderStatus } from '../../../domain/order.ts';
import { orderWorkflowId, SAGA_TASK_QUEUE, shipmentWorkflowId } from '../../../domain/topology.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { commandApiSchema, loadConfig, sagaSettingsOf } from '../../../platform/config.ts';
import { newOrder, orderContent, orderHistory, provenance } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { post, type ProblemBody } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';
import { projectRoot } from '../../support/project-root.ts';
import { temporalAddress } from '../../support/servers.ts';
import { startSystem, type System } from '../../support/system.ts';
import { quietRuntime } from '../../support/workflow-env.ts';
import {
  BEHAVIOUR,
  endSignal,
  goOnSignal,
  toldQuery,
  type Behaviour,
} from '../../support/workflows/obedient-sagas.ts';

const CAUSE = 'refundPayment: PAYMENT_UNAVAILABLE';
const charge = { type: 'RecordCharge', amountMinor: 4_320, providerReference: 'ref' } as const;
/** The commands that bring a new order to a status. */
const ways = {
  PENDING: [],
  RESERVED: [{ type: 'RecordReservation' }],
  PAID: [{ type: 'RecordReservation' }, charge],
  COMPLETED: [{ type: 'RecordReservation' }, charge, { type: 'CompleteOrder' }],
  SHIPPED: [
    { type: 'RecordReservation' },
    charge,
    { type: 'CompleteOrder' },
    { type: 'RecordBooking', carrier: 'Carrier', trackingNumber: 'T1' },
    { type: 'RecordDispatch' },
  ],
  CANCELLED: [{ type: 'CancelOrder', reason: 'OUT_OF_STOCK', detail: 'none left' }],
} as const satisfies Partial<Record<OrderStatus, readonly OrderCommand[]>>;

/** Lets connections to a port of this machine through to another address. @returns how to close it. */
async function openGate(port: number, address: string): Promise<() => Promise<unknown>> {
  const [host, target] = address.split(':');
  const gate = createServer((inner) => {
    const outer = connectTo(Number(target), host);
    pipeline(inner, outer, inner, () => undefined);
  });
  gate.listen(port, '127.0.0.1');
  await once(gate, 'listening');
  return () => {
    gate.close();
    return once(gate, 'close');
  };
}

// The command API from its own entry point, as its own user of PostgreSQL; sagas are stand-ins that obey the tests.
/** Whatever a saga's message says, the caller reads the fixed text of its code. */
const saysNoMore = (code: FailureCode): RegExp => new RegExp(`^${failureDetail(code)}$`);

describe('what the command API asks of sagas', function () {
  this.timeout(120_000);
  let system: System;
  let api: string;
  let connection: Connection;
  let client: Client;
  let native: NativeConnection;
  let bundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
  let stopWorker: () => Promise<void>;

  before(async () => {
    quietRuntime();
    system = await startSystem({ processes: ['command-api'] });
    api = system.urls['command-api'];
    const address = await temporalAddress();
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace: system.namespace });
    native = await NativeConnection.connect({ address });
    bundle = await bundleWorkflowCode({
      workflowsPath: join(projectRoot, 'test/support/workflows/obedient-sagas.ts'),
      logger: new DefaultLogger('ERROR'),
    });
    stopWorker = await startWorker();
  });
  after(async () => {
    await stopWorker();
    await native.close();
    await connection.close();
    await system.close();
  });

  async function startWorker(): Promise<() => Promise<void>> {
    const { namespace } = system;
    const worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue: SAGA_TASK_QUEUE,
      workflowBundle: bundle,
    });
    const running = worker.run();
    return async () => {
      worker.shutdown();
      await running;
    };
  }

  const change = async (id: string, commands: readonly OrderCommand[]): Promise<void> => {
    const orders = createOrderRepository({ db: system.db, clock: systemClock, nudge: () => undefined });
    for (const command of commands) await orders.change(id, command, provenance);
  };

  /** An order of the write tables without any saga. */
  async function orderThatIs(status: keyof typeof ways): Promise<string> {
    const order = newOrder();
    const [created] = orderHistory([placeOrder(orderContent)], { orderId: order.id });
    await system.db.transaction((trx) => placeOrders(trx, [{ order, created: created! }]));
    await change(order.id, ways[status]);
    return order.id;
  }

  /** What the row says of an order whose saga waits for an operator. */
  const makeStuck = (id: string, code: string): Promise<void> =>
    change(id, [
      {
        type: 'RecordStuck',
        workflowId: orderWorkflowId(id),
        undo: 'refundPayment',
        code,
        detail: 'down',
        attempts: 40,
      },
    ]);

  const startSaga = (
    type: 'orderSaga' | 'shipmentSaga',
    workflowId: string,
    behaviour: Behaviour = {},
  ): Promise<WorkflowHandle> =>
    client.workflow.start(type, {
      workflowId,
      taskQueue: SAGA_TASK_QUEUE,
      args: [{ [BEHAVIOUR]: behaviour }],
    });
  const orderSagaOf = (id: string, behaviour?: Behaviour): Promise<WorkflowHandle> =>
    startSaga('orderSaga', orderWorkflowId(id), behaviour);

  const requestsTo = async (workflowId: string): Promise<readonly unknown[]> =>
    (await client.workflow.getHandle(workflowId).query(toldQuery)).requests;
  const hasSaga = (workflowId: string): Promise<boolean> =>
    client.workflow
      .getHandle(workflowId)
      .describe()
      .then(
        () => true,
        () => false,
      );
  async function end(saga: WorkflowHandle): Promise<void> {
    await saga.signal(endSignal);
    await saga.result();
  }

  const reason = 'ordered twice';
  const cancel = (id: string): Promise<Response> => post(`${api}/orders/${id}/cancel`, { reason });
  const approve = (id: string): Promise<Response> =>
    post(`${api}/orders/${id}/approval`, { decision: 'approve', reason });
  const resolve = (workflowId: string, action = 'retry'): Promise<Response> =>
    post(`${api}/operations/sagas/${workflowId}/resolve`, { action, reason });
  const resolveAll = (more: object = {}): Promise<Response> =>
    post(`${api}/operations/sagas/resolve`, {
      cause: CAUSE,
      action: 'waive',
      reason,
      ...more,
    });

  async function isAnswer(response: Response, status: number, body: unknown): Promise<void> {
    assert.deepEqual([response.status, await response.json()], [status, body]);
  }
  async function isProblem(response: Response, status: number, type: string, detail?: RegExp): Promise<void> {
    const problem = (await response.json()) as ProblemBody;
    assert.deepEqual(
      [response.status, problem.type],
      [status, `urn:durable-orders:problem:${type}`],
      problem.detail,
    );
    if (detail) assert.match(problem.detail ?? '', detail);
  }

  describe('to cancel an order', () => {
    it('starts the order saga with the cancellation when the order has none yet', async () => {
      const id = await orderThatIs('PENDING');
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      const response = await post(`${api}/orders/${id}/cancel`, { reason }, { traceparent });
      assert.equal(response.headers.get('location'), `/orders/${id}`);
      await isAnswer(response, 202, { orderId: id, cancellation: 'ACCEPTED' });

      const { input, requests } = await client.workflow.getHandle(orderWorkflowId(id)).query(toldQuery);
      assert.deepEqual(requests, [{ reason }]);
      const { order, settings } = input as OrderSagaInput;
      assert.deepEqual(
        [order.id, order.totalMinor, order.currency, order.paymentMethod, order.lines],
        [
          id,
          4_320,
          'EUR',
          'pm_card_visa',
          orderContent.lines.map(({ sku, quantity }) => ({ sku, quantity })),
        ],
      );
      assert.equal(order.provenance.traceparent.split('-')[1], '4bf92f3577b34da6a3ce929d0e0e4736');
      assert.deepEqual([settings.undoAttempts, settings.localSteps], [40, ['inventory', 'orders']]);
    });

    it('asks the order saga that runs, once for any number of repeats', async () => {
      const id = await orderThatIs('PAID');
      await orderSagaOf(id);
      const answers = await Promise.all([cancel(id), cancel(id), cancel(id)]);
      for (const answer of [...answers, await cancel(id)])
        await isAnswer(answer, 202, { orderId: id, cancellation: 'ACCEPTED' });
      assert.deepEqual(await requestsTo(orderWorkflowId(id)), [{ reason }]);
    });

    it('starts the shipment saga with the cancellation when the order saga is done', async () => {
      const id = await orderThatIs('COMPLETED');
      await end(await orderSagaOf(id));
      await isAnswer(await cancel(id), 202, { orderId: id, cancellation: 'ACCEPTED' });
      assert.deepEqual(await requestsTo(orderWorkflowId(id)), []);
      assert.deepEqual(await requestsTo(shipmentWorkflowId(id)), [{ reason }]);
      const { staticDetails } = await client.workflow.getHandle(shipmentWorkflowId(id)).describe();
      assert.match((await staticDetails()) ?? '', new RegExp(`/${system.namespace}/.*order-${id}`));
    });

    it('follows an order that is just being completed to its shipment saga', async () => {
      const id = await orderThatIs('PAID');
      const code = 'ORDER_IS_COMPLETING';
      await orderSagaOf(id, { refuses: { cancel: { code, detail: 'a moment', by: 'handler' } } });
      const answer = cancel(id);
      await eventually(async () => ((await requestsTo(orderWorkflowId(id))).length > 0 ? true : undefined), {
        what: 'the order saga was asked',
      });
      await change(id, [{ type: 'CompleteOrder' }]);
      await isAnswer(await answer, 202, { orderId: id, cancellation: 'ACCEPTED' });
      assert.deepEqual(await requestsTo(shipmentWorkflowId(id)), [{ reason }]);
    });

    it('waits for the row of an order whose saga has just ended', async () => {
      const id = await orderThatIs('PENDING');
      await end(await orderSagaOf(id));
      const answer = cancel(id);
      await change(id, ways.CANCELLED);
      await isAnswer(await answer, 202, { orderId: id, cancellation: 'ACCEPTED' });
    });

    it('begins no saga again that has completed, until its order is found open afterwards', async () => {
      const id = await orderThatIs('PENDING');
      await end(await orderSagaOf(id));
      const settings = sagaSettingsOf(loadConfig(commandApiSchema, { AUTH_DEMO: 'true' }));
      const sagas = createTemporalSagaControl({ client, settings });
      const order = await findOrder(system.db, id);
      const ended = { kind: 'ENDED' };
      assert.deepEqual(await sagas.cancel('order', order, { reason }, provenance, false), ended);
      assert.deepEqual(await requestsTo(orderWorkflowId(id)), []);
      assert.equal((await sagas.cancel('order', order, { reason }, provenance, true)).kind, 'DONE');
      assert.equal((await requestsTo(orderWorkflowId(id))).length, 1);
    });

    it('finds a cancelled order cancelled', async () => {
      const id = await orderThatIs('CANCELLED');
      await isAnswer(await cancel(id), 202, { orderId: id, cancellation: 'ACCEPTED' });
      assert.equal(await hasSaga(orderWorkflowId(id)), false);
    });

    it('is told what to do instead when it is too late', async () => {
      const shipped = await orderThatIs('SHIPPED');
      const instead = insteadOfCancelling({ status: 'SHIPPED' })!;
      await isProblem(await cancel(shipped), 409, 'too-late-to-cancel', new RegExp(`^${instead}$`));
      assert.equal(await hasSaga(shipmentWorkflowId(shipped)), false);

      for (const by of ['validator', 'handler'] as const) {
        const id = await orderThatIs('COMPLETED');
        const refusal = { code: 'TOO_LATE_TO_CANCEL', detail: `take it back, says the ${by}`, by } as const;
        await startSaga('shipmentSaga', shipmentWorkflowId(id), { refuses: { cancel: refusal } });
        await isProblem(await cancel(id), 409, 'too-late-to-cancel', saysNoMore(refusal.code));
      }
    });

    it('is told PENDING while the saga has to find out, and the outcome when asking again', async () => {
      const id = await orderThatIs('COMPLETED');
      const saga = await startSaga('shipmentSaga', shipmentWorkflowId(id), { slow: true });
      await isAnswer(await cancel(id), 202, { orderId: id, cancellation: 'PENDING' });
      await saga.signal(goOnSignal);
      await isAnswer(await cancel(id), 202, { orderId: id, cancellation: 'ACCEPTED' });
      assert.deepEqual(await requestsTo(shipmentWorkflowId(id)), [{ reason }]);
    });

    it('tells nothing of a failure that nobody foresaw but the trace id', async () => {
      const id = await orderThatIs('PAID');
      await orderSagaOf(id, { refuses: { cancel: { code: 'ODD', detail: 'secret', by: 'handler' } } });
      const response = await cancel(id);
      const { traceId, ...rest } = (await response.json()) as ProblemBody;
      assert.deepEqual(rest, { type: 'about:blank', title: 'Internal Server Error', status: 500 });
      assert.ok(traceId);
    });

    it('counts what was taken', async () => {
      const text = await (await fetch(`${api}/metrics`)).text();
      assert.match(text, /^cancellations_accepted_total\{process="command-api"\} [1-9]/m);
    });
  });

  describe('to approve an order', () => {
    it('hands the decision to the saga that waits for it', async () => {
      const id = await orderThatIs('PENDING');
      await orderSagaOf(id);
      const response = await approve(id);
      assert.equal(response.headers.get('location'), `/orders/${id}`);
      await isAnswer(response, 202, { orderId: id, decision: 'approve' });
      assert.deepEqual(await requestsTo(orderWorkflowId(id)), [
        { decision: 'approve', operator: 'demo', reason },
      ]);
    });

    it('says why when none waits', async () => {
      const id = await orderThatIs('PENDING');
      await isProblem(await approve(id), 409, 'not-waiting-for-approval', /not begun/);
      const code = 'NOT_WAITING_FOR_APPROVAL';
      const refuses = { approval: { code, detail: 'approved already', by: 'validator' } } as const;
      const saga = await orderSagaOf(id, { refuses });
      await isProblem(await approve(id), 409, 'not-waiting-for-approval', saysNoMore(code));
      await end(saga);
      await isProblem(await approve(id), 409, 'not-waiting-for-approval', /has ended/);
    });
  });

  describe('to go on with stuck sagas', () => {
    const notStuck = {
      refuses: { resolve: { code: 'NOT_STUCK', detail: 'it goes on already', by: 'validator' } },
    } as const;

    it('hands the decision to the one that is named', async () => {
      for (const workflowId of [orderWorkflowId(newId()), shipmentWorkflowId(newId())]) {
        await startSaga(workflowId.startsWith('order') ? 'orderSaga' : 'shipmentSaga', workflowId);
        await isAnswer(await resolve(workflowId), 200, { workflowId, action: 'retry', state: 'APPLIED' });
        assert.deepEqual(await requestsTo(workflowId), [{ decision: 'retry', operator: 'demo', reason }]);
      }
    });

    it('says when it is not stuck, has ended, or was never there', async () => {
      const workflowId = orderWorkflowId(newId());
      await isProblem(await resolve(workflowId), 404, 'not-found');
      const saga = await startSaga('orderSaga', workflowId, notStuck);
      await isProblem(await resolve(workflowId), 409, 'not-stuck', saysNoMore('NOT_STUCK'));
      await end(saga);
      await isProblem(await resolve(workflowId), 409, 'not-stuck', /has ended/);
    });

    it('says when the step that is stuck can only be tried again', async () => {
      const workflowId = orderWorkflowId(newId());
      const code = 'RETRY_ONLY';
      await startSaga('orderSaga', workflowId, {
        refuses: { resolve: { code, detail: 'it has to end', by: 'validator' } },
      });
      await isProblem(await resolve(workflowId), 409, 'retry-only', saysNoMore(code));
    });

    it('says when a waiver waits for a second operator, and when the one who asks has asked before', async () => {
      const workflowId = orderWorkflowId(newId());
      const action = 'waive';
      const saga = await startSaga('orderSaga', workflowId, { answersResolve: 'WAITS_FOR_SECOND' });
      await isAnswer(await resolve(workflowId, action), 202, {
        workflowId,
        action,
        state: 'WAITS_FOR_SECOND',
      });
      await end(saga);
      const another = orderWorkflowId(newId());
      const code = 'SECOND_OPERATOR_REQUIRED';
      await startSaga('orderSaga', another, {
        refuses: { resolve: { code, detail: 'not the same one', by: 'validator' } },
      });
      await isProblem(await resolve(another, action), 409, 'second-operator-required', saysNoMore(code));
    });

    it('passes over what the same operator has asked to waive, also to see what is left', async () => {
      const code = 'RESERVATION_FENCED';
      const stuck = async (): Promise<string> => {
        const id = await orderThatIs('PAID');
        await orderSagaOf(id, { answersResolve: 'WAITS_FOR_SECOND' });
        await makeStuck(id, code);
        return id;
      };
      const [asked, other] = [await stuck(), await stuck()];
      const of = { workflowId: orderWorkflowId(asked), undo: 'refundPayment', occurrence: 1 } as const;
      await change(asked, [{ type: 'RequestWaiver', ...of, requestedBy: 'demo', reason }]);
      const one = { cause: `refundPayment: ${code}`, limit: 1 };
      const answer = { resolved: [], refused: [], remaining: false };
      await isAnswer(await resolveAll(one), 200, { ...answer, waiting: [orderWorkflowId(other)] });
      assert.deepEqual(await requestsTo(of.workflowId), []);
      await resolveAll({ ...one, action: 'retry', limit: 2 });
      assert.equal((await requestsTo(of.workflowId)).length, 1);
    });

    it('hands one decision to all that wait for one cause, the oldest first', async () => {
      const stuckOrder = async (code: string, behaviour?: Behaviour): Promise<string> => {
        const id = await orderThatIs('PAID');
        const workflowId = orderWorkflowId(id);
        await orderSagaOf(id, behaviour);
        await makeStuck(id, code);
        return workflowId;
      };
      const first = await stuckOrder('PAYMENT_UNAVAILABLE');
      const second = await stuckOrder('PAYMENT_UNAVAILABLE', notStuck);
      const other = await stuckOrder('FAILED');
      const third = await stuckOrder('PAYMENT_UNAVAILABLE');

      const refused = [{ workflowId: second, code: 'NOT_STUCK', detail: failureDetail('NOT_STUCK') }];
      await isAnswer(await resolveAll({ limit: 2 }), 200, {
        resolved: [first],
        waiting: [],
        refused,
        remaining: true,
      });
      assert.deepEqual(await requestsTo(third), []);
      const { resolved, ...rest } = (await (await resolveAll()).json()) as { resolved: string[] };
      assert.deepEqual(new Set(resolved), new Set([first, third]));
      assert.deepEqual(rest, { waiting: [], refused, remaining: false });
      assert.deepEqual(await requestsTo(third), [{ decision: 'waive', operator: 'demo', reason }]);
      assert.deepEqual(await requestsTo(other), []);
      await isAnswer(await resolveAll({ cause: 'cancelBooking: FAILED' }), 200, {
        resolved: [],
        waiting: [],
        refused: [],
        remaining: false,
      });
    });
  });

  describe('when sagas are out of reach', () => {
    it('without a worker the answer is that the request may be repeated, and the repeat is taken', async () => {
      const id = await orderThatIs('PENDING');
      await stopWorker();
      try {
        await isProblem(await cancel(id), 503, 'unavailable', /may be repeated safely/);
      } finally {
        stopWorker = await startWorker();
      }
      await isAnswer(await cancel(id), 202, { orderId: id, cancellation: 'ACCEPTED' });
      assert.deepEqual(await requestsTo(orderWorkflowId(id)), [{ reason }]);
    });

    it('without Temporal that is the answer within seconds, and orders are accepted as ever', async () => {
      await listProducts(system.db, [{ sku: 'COFFEE', onHand: 10 }]);
      const id = await orderThatIs('PAID');
      await makeStuck(id, 'PAYMENT_UNAVAILABLE');
      const cancelled = await orderThatIs('CANCELLED');
      await system.stop('command-api');
      const port = await freePort();
      await system.start('command-api', { env: { TEMPORAL_ADDRESS: `127.0.0.1:${port}` } });
      const began = performance.now();
      const answers = await Promise.all([
        cancel(id),
        approve(id),
        resolve(orderWorkflowId(id)),
        resolveAll({ limit: 1 }),
      ]);
      assert.ok(performance.now() - began < 4_500, `${performance.now() - began} ms`);
      for (const answer of answers) {
        assert.equal(answer.headers.get('retry-after'), '2');
        await isProblem(answer, 503, 'unavailable', /may be repeated safely/);
      }
      assert.equal((await cancel(cancelled)).status, 202);
      const order = {
        customerId: 'c',
        lines: [{ sku: 'COFFEE', quantity: 1 }],
        paymentMethod: 'pm_card_visa',
      };
      assert.equal((await post(`${api}/orders`, order, { 'Idempotency-Key': 'one' })).status, 202);
      assert.equal((await fetch(`${api}/readyz`)).status, 200);

      const closeGate = await openGate(port, await temporalAddress());
      await eventually(async () => ((await cancel(id)).status === 202 ? true : undefined), {
        what: 'the API finds Temporal when it is there',
      });
      assert.deepEqual(await requestsTo(orderWorkflowId(id)), [{ reason }]);
      assert.equal(await system.stop('command-api'), 0);
      await closeGate();
      await system.start('command-api');
    });
  });
});
