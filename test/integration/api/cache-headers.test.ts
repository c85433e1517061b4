import assert from 'node:assert/strict';
import { contracts } from '../../../api/contracts.ts';
import type { Contract } from '../../../api/endpoints/contract.ts';
import type { Principal } from '../../../api/auth/principal.ts';
import { applyEvents } from '../../support/projections.ts';
import { serveBothApis } from '../../support/both-apis.ts';
import { orderContent, orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { noSagas, PRINCIPAL_HEADER, principalOfHeader } from '../../support/http.ts';
import { newId } from '../../../platform/clock.ts';

const operator: Principal = { subject: 'op', roles: ['operator'] };
/** What a route needs to answer 200, where that is more than its path. */
const queries: Readonly<Record<string, string>> = {
  listSagas: '?state=stuck',
  searchOrders: '?q=coffee',
};
/** Routes for which this database has nothing to show. */
const absent = ['showParked', 'showParkedEvent'];

describe('what may be kept of an answer', () => {
  let database: TestDatabase;
  let apis: Awaited<ReturnType<typeof serveBothApis>>;
  const orderId = newId();
  const history = orderHistory(stories.completed, { orderId });

  before(async () => {
    database = await createTestDatabase();
    await applyEvents(database.db, history.slice(0, 1));
    apis = await serveBothApis({ db: database.db, sagas: noSagas, authenticate: principalOfHeader });
  });
  after(async () => {
    await apis.close();
    await database.drop();
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(apis.url + path, { headers: { [PRINCIPAL_HEADER]: JSON.stringify(operator), ...headers } });
  const pathOf = ({ path, operationId }: Contract): string =>
    path
      .replace('{id}', operationId === 'showCustomer' ? orderContent.customerId : orderId)
      .replace('{seq}', '1') + (queries[operationId] ?? '');
  const headersOf = ({ headers }: Response) => ({
    etag: headers.get('etag'),
    cacheControl: headers.get('cache-control'),
    vary: headers.get('vary'),
  });

  const isSentAtOnce = ({ answers }: Contract): boolean => answers[200]?.contentType === undefined;
  for (const contract of contracts.filter((one) => one.method === 'get' && isSentAtOnce(one))) {
    const { operationId, cacheControl = 'private, no-cache' } = contract;
    it(`of ${operationId}: what its contract says, for whoever asked alone, and confirmed with 304`, async () => {
      const response = await get(pathOf(contract));
      if (absent.includes(operationId)) {
        assert.deepEqual([response.ok, response.headers.get('cache-control')], [false, 'no-store']);
        return;
      }
      assert.equal(response.status, 200);
      const headers = headersOf(response);
      assert.equal(headers.cacheControl, cacheControl);
      assert.match(headers.vary ?? '', /\bAuthorization\b/);
      assert.match(headers.etag ?? '', /^"[\w-]{27}"$/, 'strong');
      const unchanged = await get(pathOf(contract), { 'If-None-Match': `"other", ${headers.etag ?? ''}` });
      assert.equal(unchanged.status, 304);
      assert.equal(await unchanged.text(), '');
      assert.deepEqual(headersOf(unchanged), headers);
      assert.equal(unchanged.headers.has('projection-lag'), contract.fromViews === true);
    });
  }

  it('an answer that has changed is sent anew, under another ETag', async () => {
    const before = headersOf(await get(`/orders/${orderId}`)).etag ?? '';
    await applyEvents(database.db, history.slice(1));
    const after = await get(`/orders/${orderId}`, { 'If-None-Match': before });
    assert.equal(after.status, 200);
    assert.notEqual(headersOf(after).etag, before);
    assert.match(await after.text(), /"status":"COMPLETED"/);
  });

  for (const [path, status] of [
    ['/orders/no-uuid', 404],
    ['/nowhere', 404],
    ['/orders?limit=0', 400],
  ] as const)
    it(`nothing of a problem: GET ${path}`, async () => {
      const response = await get(path, { 'If-None-Match': '*' });
      assert.deepEqual([response.status, response.headers.get('cache-control')], [status, 'no-store']);
    });
});
