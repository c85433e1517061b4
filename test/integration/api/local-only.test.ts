import assert from 'node:assert/strict';
import express from 'express';
import { createCommandApp } from '../../../api/command-app.ts';
import { createQueryApp } from '../../../api/query-app.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createLogger } from '../../../platform/logger.ts';
import { answerDialErrors, letInLocal } from '../../../worker/dial-requests.ts';
import { createFaultDials } from '../../../worker/fault-dials.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { commandSettings, httpDeps, noSagas, type ProblemBody } from '../../support/http.ts';
import { rawRequest, sendRaw, type RawAnswer } from '../../support/raw-http.ts';

const allowed = 'https://shop.example.com';
const LOCAL = ['localhost', 'localhost:3000', '127.0.0.1:3000', '127.9.9.9', '[::1]:80', 'app.localhost'];
const FOREIGN = ['evil.test', 'evil.test:3000', 'localhost.evil.test', '192.168.0.1', '0.0.0.0', ''];
const noFaults = { failureRate: 0, latencyMs: 0 };
const faults: Parameters<typeof createFaultDials>[0] = {
  inventory: { ...noFaults },
  payment: { refundFailureRate: 0, outage: false },
  carrier: { refusalRate: 0, timeoutRate: 0, lossRate: 0, dispatchMs: 0, deliveryMs: 0, outage: false },
  books: { payment: { failureRate: 0 }, carrier: { failureRate: 0 } },
};

describe('where everybody on this machine is let in', () => {
  let database: TestDatabase;
  const servers: Record<string, HttpServer> = {};

  before(async () => {
    database = await createTestDatabase();
    const { db } = database;
    const own = {
      ...httpDeps(),
      localOnly: true,
      limits: { corsOrigins: [allowed] },
      db,
      clock: systemClock,
    };
    const nudge = (): void => undefined;
    const { app: command } = createCommandApp({ ...own, nudge, sagas: noSagas, ...commandSettings });
    const ui = { url: 'http://127.0.0.1:8233', namespace: 'default' };
    const query = createQueryApp({ ...own, ...httpDeps(), localOnly: true, ui, freshOrderWaitMs: 0 });
    const worker = express().use(letInLocal, createFaultDials(faults));
    worker.use(answerDialErrors(createLogger('test', 'silent')));
    for (const [name, app] of Object.entries({ command, query, worker }))
      servers[name] = await listen(app, '127.0.0.1', 0);
  });
  after(async () => {
    for (const server of Object.values(servers)) await server.close();
    await database.drop();
  });

  const send = (
    server: string,
    method: string,
    target: string,
    headers = {},
    body = '',
  ): Promise<RawAnswer> =>
    sendRaw(servers[server]!.port, rawRequest(method, target, headers, Buffer.from(body)));

  const reads: [server: string, path: string][] = [
    ...['/orders', '/healthz', '/metrics', '/docs', '/openapi.json', '/nothing'].map(
      (path): [string, string] => ['query', path],
    ),
    ...['/operations/outbox', '/healthz', '/metrics'].map((path): [string, string] => ['command', path]),
    ['worker', '/dev/faults'],
  ];
  for (const [server, path] of reads)
    it(`${server} ${path} is for those who name this machine`, async () => {
      for (const Host of LOCAL)
        assert.ok([200, 404].includes((await send(server, 'GET', path, { Host })).status), Host);
      for (const Host of FOREIGN) {
        const { status, head, body } = await send(server, 'GET', path, { Host });
        // Without a name, Node.js itself may refuse.
        if (Host !== '') assert.equal(status, 421, Host);
        assert.ok(status >= 400 && status < 500, `${Host}: ${status}`);
        if (status === 421) assert.match(head, /application\/problem\+json/);
        if (status === 421)
          assert.match((JSON.parse(body) as ProblemBody).detail ?? '', /localhost or 127\.0\.0\.1/);
      }
    });

  it('a page of another site sends no command, whatever type its form says', async () => {
    const order = JSON.stringify({ reason: 'x' });
    for (const Origin of ['https://evil.test', 'null', 'http://localhost.evil.test', 'x'])
      for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded'])
        for (const [server, method, path] of [
          ['command', 'POST', '/orders'],
          ['command', 'POST', '/operations/sagas/resolve'],
          ['worker', 'PUT', '/dev/faults'],
        ] as const) {
          const { status } = await send(server, method, path, { Origin, 'Content-Type': type }, order);
          assert.equal(status, 403, `${method} ${path} from ${Origin}`);
        }
  });

  it('pages of this machine, of allowed origins, and programs, which name no origin, may', async () => {
    for (const headers of [
      {},
      { Origin: allowed },
      { Origin: 'http://localhost:5173' },
      { Origin: 'http://127.0.0.1:1' },
    ]) {
      const { status } = await send(
        'command',
        'POST',
        '/orders',
        { ...headers, 'Content-Type': 'application/json' },
        '{}',
      );
      assert.equal(status, 400, JSON.stringify(headers));
    }
    const dials = '{"refundFailureRate":1}';
    assert.equal(
      (await send('worker', 'PUT', '/dev/faults', { 'Content-Type': 'application/json' }, dials)).status,
      200,
    );
    assert.equal(faults.payment.refundFailureRate, 1);
  });

  it('dials that cannot be read are refused as problems, and nothing of the program is told', async () => {
    const json = { 'Content-Type': 'application/json' };
    for (const [method, headers, body, expected] of [
      ['PUT', json, '{', 400],
      ['PUT', json, '[]', 400],
      ['PUT', json, '{"refundFailureRate":2}', 400],
      ['PUT', json, '{"unknown":1}', 400],
      ['PUT', json, ' '.repeat(2_000), 413],
      ['PUT', { ...json, 'Content-Encoding': 'gzip' }, '{}', 400],
      ['PUT', { 'Content-Type': 'application/json; charset=utf-16' }, '{}', 415],
      ['PUT', { 'Content-Type': 'text/plain' }, '{}', 415],
      ['PUT', {}, '', 415],
      ['POST', json, '{}', 405],
      ['DELETE', {}, '', 405],
    ] as const) {
      const { status, head, body: text } = await send('worker', method, '/dev/faults', headers, body);
      assert.equal(status, expected, `${method} ${body.slice(0, 30)}: ${text}`);
      assert.match(head, /content-type: application\/problem\+json/i);
      assert.doesNotMatch(text, /node_modules|\bat .*:\d+|<html/);
      assert.equal((JSON.parse(text) as ProblemBody).status, expected);
    }
  });
});
