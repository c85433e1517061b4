import assert from 'node:assert/strict';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { serveBothApis } from '../../support/both-apis.ts';
import { noSagas, principalOfHeader } from '../../support/http.ts';

describe('the page about the API', () => {
  let apis: Awaited<ReturnType<typeof serveBothApis>>;
  let database: TestDatabase;
  let bases: string[];

  before(async () => {
    database = await createTestDatabase();
    apis = await serveBothApis({ db: database.db, sagas: noSagas, authenticate: principalOfHeader });
    bases = [apis.commandApi, apis.queryApi, apis.url];
  });
  after(async () => {
    await apis.close();
    await database.drop();
  });

  it('is for everybody, and the document is the same on both APIs', async () => {
    const documents = await Promise.all(
      bases.map(async (base) => (await fetch(`${base}/openapi.json`)).text()),
    );
    assert.equal(new Set(documents).size, 1);
    assert.match(documents[0] ?? '', /"openapi":"3\.1/);
    for (const base of bases) assert.equal((await fetch(`${base}/docs`)).status, 200);
  });

  it('loads what it names from its own server, and may load nothing else', async () => {
    const response = await fetch(`${apis.url}/docs`);
    const page = await response.text();
    const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
    assert.equal(named.length, 5);
    for (const address of named) {
      assert.match(address, /^\/[^/]/);
      assert.equal((await fetch(apis.url + address)).status, 200, address);
    }
    assert.doesNotMatch(page, /<script>|<style| on\w+=/, 'nothing inline');
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /http|unsafe|\*/);
  });

  it('takes GET and HEAD, and has no other files', async () => {
    for (const path of ['/docs', '/openapi.json']) {
      const response = await fetch(apis.commandApi + path, { method: 'POST' });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD']);
    }
    for (const path of ['/docs/index.html', '/docs/package.json', '/docs/..%2fpackage.json'])
      assert.equal((await fetch(apis.queryApi + path)).status, 404, path);
  });
});
