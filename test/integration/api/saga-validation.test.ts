import assert from 'node:assert/strict';
import { createCommandApp } from '../../../api/command-app.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { commandSettings, httpDeps, noSagas, post, type ProblemBody } from '../../support/http.ts';

describe('a request to sagas that cannot be used is refused, names the field and asks no saga:', () => {
  let database: TestDatabase;
  let server: HttpServer;
  let api: string;

  before(async () => {
    database = await createTestDatabase();
    const { app } = createCommandApp({
      ...httpDeps(),
      db: database.db,
      clock: systemClock,
      nudge: () => undefined,
      sagas: noSagas,
      ...commandSettings,
    });
    server = await listen(app, '127.0.0.1', 0);
    api = `http://127.0.0.1:${server.port}`;
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const reason = 'ordered twice';
  const order = `/orders/${newId()}`;
  const cases: [name: string, path: string, body: unknown, fields: string[]][] = [
    ['a cancellation without reason', `${order}/cancel`, {}, ['reason']],
    ['an empty reason', `${order}/cancel`, { reason: ' ' }, ['reason']],
    ['a long reason', `${order}/cancel`, { reason: 'x'.repeat(201) }, ['reason']],
    ['a reason that PostgreSQL cannot keep', `${order}/cancel`, { reason: 'a\u0000b' }, ['reason']],
    ['half a character', `${order}/cancel`, { reason: 'a\ud800b' }, ['reason']],
    ['a line break', `${order}/cancel`, { reason: 'a\nb' }, ['reason']],
    ['an unknown field', `${order}/cancel`, { reason, force: true }, ['force']],
    ['a decision', `${order}/approval`, { decision: 'perhaps', reason }, ['decision']],
    ['an approval without reason', `${order}/approval`, { decision: 'reject' }, ['reason']],
    [
      'an operator, who is known',
      `${order}/approval`,
      { decision: 'reject', operator: 'ada', reason },
      ['operator'],
    ],
    ['an action', `/operations/sagas/order-${newId()}/resolve`, { action: 'undo', reason }, ['action']],
    ['an id', '/operations/sagas/resolve/resolve', { action: 'retry', reason }, ['workflowId']],
    [
      'an id of another workflow',
      `/operations/sagas/refund-${newId()}/resolve`,
      { action: 'retry', reason },
      ['workflowId'],
    ],
    [
      'limits',
      '/operations/sagas/resolve',
      { cause: '', action: 'retry', reason, limit: 501 },
      ['cause', 'limit'],
    ],
  ];
  for (const [name, path, body, fields] of cases)
    it(name, async () => {
      const response = await post(api + path, body);
      const { type, errors = [] } = (await response.json()) as ProblemBody;
      assert.deepEqual([response.status, type], [400, 'urn:durable-orders:problem:validation-failed']);
      assert.deepEqual(
        errors.map(({ field }) => field),
        fields,
      );
      for (const { message } of errors) assert.ok(message.length > 5, message);
    });

  it('an order that is not there', async () => {
    for (const id of [newId(), 'no-uuid'])
      for (const [path, body] of [
        ['cancel', { reason }],
        ['approval', { decision: 'approve', reason }],
      ] as const) {
        const response = await post(`${api}/orders/${id}/${path}`, body);
        const { type, detail } = (await response.json()) as ProblemBody;
        assert.deepEqual([response.status, type], [404, 'urn:durable-orders:problem:not-found']);
        assert.match(detail ?? '', new RegExp(id));
      }
  });

  it('a body of another type', async () => {
    const response = await fetch(`${api}${order}/cancel`, { method: 'POST', body: 'hello' });
    assert.equal(response.status, 415);
  });

  it('another method', async () => {
    const paths = [`${order}/cancel`, `${order}/approval`];
    for (const path of [
      ...paths,
      '/operations/sagas/resolve',
      `/operations/sagas/order-${newId()}/resolve`,
    ]) {
      const response = await fetch(api + path, { method: 'PUT' });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'], path);
    }
  });
});
