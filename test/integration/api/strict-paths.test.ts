import assert from 'node:assert/strict';
import { contracts } from '../../../api/contracts.ts';
import { serveBothApis } from '../../support/both-apis.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { httpDeps, noSagas } from '../../support/http.ts';
import { rawRequest, sendRaw } from '../../support/raw-http.ts';

describe('a path is what it says, letter by letter', () => {
  let database: TestDatabase;
  let apis: Awaited<ReturnType<typeof serveBothApis>>;

  before(async () => {
    database = await createTestDatabase();
    apis = await serveBothApis({ db: database.db, sagas: noSagas, authenticate: httpDeps().authenticate });
  });
  after(async () => {
    await apis.close();
    await database.drop();
  });

  const operations = ['/healthz', '/readyz', '/metrics', '/docs', '/docs/start.js', '/openapi.json'];
  const variantsOf = (path: string): string[] => [
    path.toUpperCase(),
    path.replace(/[a-z]/, (letter) => letter.toUpperCase()),
    `${path}/`,
    `/${path}`,
    `${path}//`,
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    `/.${path}`,
    `/x/..${path}`,
  ];

  it('of the operations and the documents, in either API', async () => {
    for (const api of [apis.commandApi, apis.queryApi])
      for (const path of operations) {
        const statusOf = async (target: string): Promise<number> =>
          (await sendRaw(Number(new URL(api).port), rawRequest('GET', target))).status;
        assert.equal(await statusOf(path), 200, path);
        for (const variant of variantsOf(path)) assert.equal(await statusOf(variant), 404, variant);
      }
  });

  it('of every route', async () => {
    for (const { method, path } of contracts) {
      const isCommand = method === 'post' || /^\/operations\/(outbox|audit)/.test(path);
      const port = Number(new URL(isCommand ? apis.commandApi : apis.queryApi).port);
      const target = path.replaceAll(/\{\w+\}/g, '1');
      for (const variant of variantsOf(target)) {
        const { status } = await sendRaw(port, rawRequest(method.toUpperCase(), variant));
        assert.equal(status, 404, `${method} ${variant}`);
      }
    }
  });
});
