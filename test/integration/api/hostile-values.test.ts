import assert from 'node:assert/strict';
import { contracts } from '../../../api/contracts.ts';
import type { Contract } from '../../../api/endpoints/contract.ts';
import type { SagaControl } from '../../../api/sagas/saga-control.ts';
import { newId } from '../../../platform/clock.ts';
import { operationFor } from '../../support/api-document.ts';
import { serveBothApis } from '../../support/both-apis.ts';
import { createTestDatabase } from '../../support/database.ts';
import { hostileBodies, hostileCursors, hostileTexts } from '../../support/hostile-values.ts';
import { httpDeps } from '../../support/http.ts';
import { rawRequest, sendRaw } from '../../support/raw-http.ts';

/** Headers of every request, whatever its route. */
const HEADERS = [
  ...['Accept', 'Authorization', 'Content-Encoding', 'Content-Type', 'Cookie', 'If-Modified-Since', 'Origin'],
  ...['Prefer', 'Range', 'traceparent', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'],
];
const headersOf = ({ headers, fromViews, method }: Contract): string[] => [
  ...Object.keys(headers?.shape ?? {}),
  ...(fromViews ? ['Read-Token', 'Prefer'] : []),
  ...(method === 'get' ? ['If-None-Match'] : []),
];
const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

const pathOf = ({ path }: Contract, value: (name: string) => string): string =>
  path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => value(name));

/** So many at a time: a connection for each request takes most of the time. */
async function each<T>(values: readonly T[], act: (value: T) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < values.length; first += 16)
    await Promise.all(values.slice(first, first + 16).map(act));
}

describe('whatever a caller sends is answered, and never with a fault of ours:', () => {
  let apis: Awaited<ReturnType<typeof serveBothApis>>;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;

  const sagas: SagaControl = {
    cancel: () => Promise.resolve({ kind: 'UNKNOWN' }),
    decideApproval: () => Promise.resolve({ kind: 'UNKNOWN' }),
    resolve: () => Promise.resolve({ kind: 'UNKNOWN' }),
    stateOf: () => Promise.resolve('NOT_FOUND'),
    start: () => Promise.resolve(false),
  };

  before(async () => {
    database = await createTestDatabase();
    apis = await serveBothApis({ db: database.db, sagas, authenticate: httpDeps().authenticate });
  });
  after(async () => {
    await apis.close();
    await database.drop();
  });

  /** A good value for each parameter of a path: what is tried is another part of the request. */
  const good = (name: string): string =>
    name === 'workflowId' ? `order-${newId()}` : name === 'seq' ? '1' : newId();

  async function answered(
    { method, path }: Contract,
    target: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ): Promise<void> {
    const isCommand = method === 'post' || /^\/operations\/(outbox|audit)/.test(path);
    const port = Number(new URL(isCommand ? apis.commandApi : apis.queryApi).port);
    const json = { 'Content-Type': 'application/json', ...headers };
    // HEAD ends where GET would stream without end.
    const verb = method === 'post' ? 'POST' : path.includes('/events') ? 'HEAD' : 'GET';
    const bytes =
      body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const { status, body: text } = await sendRaw(port, rawRequest(verb, target, json, bytes));
    const what = `${verb} ${target} ${JSON.stringify(headers)} ${bytes?.toString() ?? ''} → ${status} ${text}`;
    assert.ok(status >= 200 && status < 500, what.slice(0, 1_000));
    // A path that an odd value turned into another one is not this operation's.
    const operation = operationFor(method, target.split('?')[0] ?? '');
    if (operation?.path === path)
      assert.ok(String(status) in operation.responses, `not documented: ${what.slice(0, 1_000)}`);
  }

  it('outside the contracts, in headers that set conditions or ask for a part', async () => {
    const conditions: [name: string, value: string][] = [
      ['If-Match', '"x"'],
      ['If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['Range', 'bytes=999999999-'],
      ['Range', 'bytes=5-1'],
      ['Accept-Encoding', 'identity;q=0, *;q=0'],
    ];
    const assets = ['start.js', 'swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
    for (const path of [
      ...['/openapi.json', '/docs', ...assets.map((asset) => `/docs/${asset}`)],
      ...['/healthz', '/readyz', '/metrics'],
    ])
      await each(conditions, async ([name, value]) => {
        const port = Number(new URL(apis.queryApi).port);
        const { status, body } = await sendRaw(port, rawRequest('GET', path, { [name]: value }));
        assert.equal(status, 200, `${path} ${name}: ${value} → ${body.slice(0, 200)}`);
      });
  });

  for (const contract of contracts) {
    const { operationId, method, params, query, body } = contract;
    const shape = Object.keys(query?.shape ?? {});

    if (params)
      it(`${operationId}: in the path`, () =>
        each(hostileTexts, (text) =>
          answered(
            contract,
            pathOf(contract, () => encodeURIComponent(text)),
            {},
            body && valid(contract),
          ),
        ));

    if (method === 'get')
      it(`${operationId}: in the query`, async () => {
        const path = pathOf(contract, good);
        const required =
          operationId === 'listSagas' ? '&state=stuck' : operationId === 'searchOrders' ? '&q=a' : '';
        for (const name of [...shape, '__proto__', 'x[y]'])
          await each(name === 'cursor' ? [...hostileTexts, ...hostileCursors] : hostileTexts, (text) =>
            answered(contract, `${path}?${name}=${encodeURIComponent(text)}${required}`),
          );
        await each(['%', '%00', '%ff', '%E0%A4%A', 'a=1&a=2', '=', '&&&', 'limit=1&limit=2'], (odd) =>
          answered(contract, `${path}?${odd}${required}`),
        );
      });

    it(`${operationId}: in a header`, async () => {
      const target = pathOf(contract, good);
      const names = [
        ...headersOf(contract),
        ...(operationId === 'listOrders' || operationId === 'placeOrder' ? HEADERS : []),
      ];
      for (const name of names)
        await each(
          [...hostileTexts.filter(isHeaderValue), ...(name === 'Read-Token' ? hostileCursors : [])],
          (text) => answered(contract, target, { [name]: text }, body && valid(contract)),
        );
    });

    if (body)
      it(`${operationId}: in the body`, async () => {
        const path = pathOf(contract, good);
        await each(hostileBodies, (whole) => answered(contract, path, {}, whole));
        for (const name of [...Object.keys(body.shape), '__proto__'])
          await each([...hostileTexts, 1e308, -1, 0.5, null, true, [], {}, [[]], [{}]], (value) =>
            answered(contract, path, {}, { ...valid(contract), [name]: value }),
          );
      });
  }

  /** A body that is carried out, so that one field at a time can be spoilt. */
  function valid({ operationId }: Contract): object {
    const reason = 'because';
    switch (operationId) {
      case 'placeOrder':
        return { lines: [{ sku: 'COFFEE', quantity: 1 }], paymentMethod: 'pm_card_visa' };
      case 'decideApproval':
        return { decision: 'approve', reason };
      case 'cancelOrder':
      case 'restartSaga':
        return { reason };
      case 'editParkedEvent':
        return { event: {}, reason };
      case 'resolveSagas':
      case 'resolveParkedEvents':
        return { cause: 'refundPayment: FAILED', action: 'retry', reason };
      default:
        return { action: 'retry', reason };
    }
  }
});
