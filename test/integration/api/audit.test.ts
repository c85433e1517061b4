import assert from 'node:assert/strict';
import type { Authenticate, Role } from '../../../api/auth/principal.ts';
import { createCommandApp } from '../../../api/command-app.ts';
import type { SagaAnswer, SagaControl } from '../../../api/sagas/saga-control.ts';
import { appendAudit } from '../../../db/audit.ts';
import type { Knex } from '../../../db/connection.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
import type { Provenance } from '../../../domain/events.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { commandSettings, httpDeps, noSagas, post, type ProblemBody } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly subject: string;
  readonly orderId: string | null;
  readonly traceId: string;
  readonly details: Readonly<Record<string, unknown>>;
}
interface Page {
  readonly items: readonly Entry[];
  readonly nextCursor?: string;
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'X-Subject': 'olga' };

/** Who asks says so, and is an operator unless they say that, too. */
const authenticate: Authenticate = (request) =>
  Promise.resolve({
    subject: request.get('X-Subject') ?? 'nobody',
    roles: [(request.get('X-Role') ?? 'operator') as Role],
    customerId: 'customer-1',
  });

describe('the audit of commands', () => {
  let database: TestDatabase;
  let db: Knex;
  let server: HttpServer;
  let base: string;
  let orderId: string;
  let auditSettled: () => Promise<void>;
  /** What the saga is asked in a test, and what it answers. */
  let ask: (provenance?: Provenance) => Promise<SagaAnswer>;

  const sagas: SagaControl = {
    ...noSagas,
    cancel: (_saga, _order, _request, provenance) => ask(provenance),
    decideApproval: () => ask(),
    resolve: () => ask(),
  };
  const done = (): Promise<SagaAnswer> => Promise.resolve({ kind: 'DONE' });

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    await listProducts(db, [{ sku: 'COFFEE', onHand: 10 }]);
    const deps = {
      ...httpDeps(),
      authenticate,
      db,
      clock: systemClock,
      nudge: () => undefined,
      sagas,
      ...commandSettings,
    };
    const created = createCommandApp(deps);
    ({ auditSettled } = created);
    server = await listen(created.app, '127.0.0.1', 0);
    base = `http://127.0.0.1:${server.port}`;
  });
  beforeEach(async () => {
    ask = done;
    const order = {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE', quantity: 1 }],
      paymentMethod: 'pm_card_visa',
    };
    ({ orderId } = (await (await post(`${base}/orders`, order)).json()) as { orderId: string });
  });
  after(async () => {
    await server.close();
    await auditSettled();
    await database.drop();
  });

  async function list(query: string): Promise<Page> {
    const response = await fetch(`${base}/operations/audit?${query}`);
    assert.equal(response.status, 200);
    return (await response.json()) as Page;
  }
  /** What the saga commands of this order left behind, the oldest first. */
  async function entries(count: number): Promise<Entry[]> {
    return eventually(
      async () => {
        const { items } = await list(`orderId=${orderId}`);
        const found = items.filter(({ action }) => action !== 'placeOrder').reverse();
        return found.length === count ? found : undefined;
      },
      { what: `${count} entries` },
    );
  }
  const cancel = (): Promise<Response> =>
    post(`${base}/orders/${orderId}/cancel`, { reason: 'twice' }, headers);

  it('who asked for what is there before anything is done, and what came of it after', async () => {
    let before: Entry[] = [];
    let provenance: Provenance | undefined;
    ask = async (given) => {
      provenance = given;
      before = await entries(1);
      return { kind: 'DONE' };
    };
    assert.equal((await cancel()).status, 202);
    const [command, outcome] = await entries(2);
    assert.ok(command && outcome);
    assert.deepEqual(before, [command]);
    const { id, at, ...rest } = command;
    assert.deepEqual(rest, {
      action: 'cancelOrder',
      subject: 'olga',
      orderId,
      traceId,
      details: { id: orderId, reason: 'twice' },
    });
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 10_000);
    assert.deepEqual(outcome.details, { commandId: id, outcome: 'ACCEPTED' });
    assert.deepEqual([outcome.action, outcome.subject, outcome.traceId], ['cancelOrder', 'olga', traceId]);
    assert.deepEqual([provenance?.correlationId, provenance?.causationId], [id, id]);
  });

  const refusals: [string, () => Promise<SagaAnswer>, number, string][] = [
    [
      'a refusal with its code',
      () => Promise.resolve({ kind: 'REFUSED', code: 'TOO_LATE_TO_CANCEL', detail: 'it has left' }),
      409,
      'TOO_LATE_TO_CANCEL',
    ],
    [
      'a saga out of reach',
      () => Promise.reject(new OrderSystemError('UNAVAILABLE', 'none')),
      503,
      'UNAVAILABLE',
    ],
    ['what nobody foresaw', () => Promise.reject(new Error('boom')), 500, 'FAILED'],
  ];
  for (const [what, answer, status, outcome] of refusals)
    it(`tells ${what}`, async () => {
      ask = answer;
      assert.equal((await cancel()).status, status);
      const [command, after] = await entries(2);
      assert.deepEqual(after?.details, { commandId: command?.id, outcome });
    });

  it('holds decisions about approvals, stuck sagas and the outbox, each with its target and reason', async () => {
    const decision = { action: 'retry', reason: 'provider is back' };
    const workflowId = `order-${orderId}`;
    await post(`${base}/orders/${orderId}/approval`, { decision: 'approve', reason: 'known' }, headers);
    await post(`${base}/operations/sagas/${workflowId}/resolve`, decision, headers);
    const ofOrder = (await entries(4)).filter(({ details }) => !('outcome' in details));
    assert.deepEqual(
      ofOrder.map(({ action, details }) => [action, details]),
      [
        ['decideApproval', { id: orderId, decision: 'approve', reason: 'known' }],
        ['resolveSaga', { workflowId, ...decision }],
      ],
    );

    const others = { ...headers, 'X-Subject': `bulk-${orderId}` };
    await post(`${base}/operations/sagas/resolve`, { cause: 'refundPayment: NONE', ...decision }, others);
    await post(`${base}/operations/outbox/parked/77/resolve`, decision, others);
    const { items } = await eventually(
      async () => {
        const page = await list(`subject=bulk-${orderId}`);
        return page.items.length === 4 ? page : undefined;
      },
      { what: 'both with their outcomes' },
    );
    assert.deepEqual(
      items.map(({ action, orderId: about, details: { commandId: _, ...details } }) => [
        action,
        about,
        details,
      ]),
      [
        ['resolveParked', null, { outcome: 'NOT_PARKED' }],
        ['resolveParked', null, { seq: '77', ...decision }],
        ['resolveSagas', null, { outcome: 'ACCEPTED' }],
        ['resolveSagas', null, { cause: 'refundPayment: NONE', limit: 100, ...decision }],
      ],
    );
  });

  it('a command that cannot be written there is refused with 503, and nothing is done', async () => {
    let asked = false;
    ask = () => {
      asked = true;
      return done();
    };
    await db.raw('alter table orders.audit rename to audit_away');
    try {
      const response = await cancel();
      assert.equal(response.status, 503);
      assert.match(((await response.json()) as ProblemBody).detail ?? '', /audit.*nothing was done; repeat/);
      assert.equal(asked, false);
    } finally {
      await db.raw('alter table orders.audit_away rename to audit');
    }
  });

  it('what has been done is answered also when what came of it cannot be written', async () => {
    ask = async () => {
      await db.raw('alter table orders.audit rename to audit_away');
      return { kind: 'DONE' };
    };
    try {
      assert.equal((await cancel()).status, 202);
      await auditSettled();
    } finally {
      await db.raw('alter table orders.audit_away rename to audit');
    }
    await entries(1);
  });

  it('what never became a command is not there', async () => {
    await post(`${base}/orders/${orderId}/cancel`, {}, headers);
    await post(`${base}/orders/${orderId}/approval`, {}, { ...headers, 'X-Role': 'customer' });
    await entries(0);
  });

  it('is read in pages, the newest first, from a time on', async () => {
    const about = newId();
    const times = ['10:00:00.001', '10:00:00.002', '10:00:00.002', '10:00:00.003', '10:00:00.004'];
    const written = times.map((time) => ({
      id: newId(),
      at: `2026-01-31T${time}Z`,
      action: 'cancelOrder',
      subject: 'olga',
      orderId: about,
      traceparent: '',
      details: {},
    }));
    await appendAudit(db, written);
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await list(`orderId=${about}&limit=2&from=2026-01-31T10:00:00.002Z${cursor}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    const expected = written.slice(1).sort((a, b) => (a.at + a.id < b.at + b.id ? 1 : -1));
    assert.deepEqual(
      seen,
      expected.map(({ id }) => id),
    );
  });

  it('is for operators, and a parameter that cannot be used is named', async () => {
    const refused = await fetch(`${base}/operations/audit`, { headers: { 'X-Role': 'customer' } });
    assert.equal(refused.status, 403);
    for (const [field, value] of Object.entries({
      orderId: '1',
      from: 'today',
      limit: '0',
      cursor: 'x',
      page: '1',
    })) {
      const response = await fetch(`${base}/operations/audit?${field}=${value}`);
      assert.equal(response.status, 400, field);
      assert.equal(((await response.json()) as ProblemBody).errors?.[0]?.field, field);
    }
  });

  it('nobody changes an entry or takes one away, not even the owner of the table', async () => {
    for (const sql of [
      'update orders.audit set subject = null',
      'delete from orders.audit',
      'truncate orders.audit',
    ])
      await assert.rejects(Promise.resolve(db.raw(sql)), /append-only/);
  });
});
