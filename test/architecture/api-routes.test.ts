import assert from 'node:assert/strict';
import { createCommandApp } from '../../api/command-app.ts';
import { contracts } from '../../api/contracts.ts';
import { createQueryApp } from '../../api/query-app.ts';
import { connect } from '../../db/connection.ts';
import { systemClock } from '../../platform/clock.ts';
import { routesOf } from '../support/api-routes.ts';
import { commandSettings, httpDeps, noSagas } from '../support/http.ts';

/** For whoever runs or reads the API, without a principal; on both apps. */
const open = [
  'get /docs',
  'get /docs/favicon-32x32.png',
  'get /docs/start.js',
  'get /docs/swagger-ui-bundle.js',
  'get /docs/swagger-ui.css',
  'get /healthz',
  'get /metrics',
  'get /openapi.json',
  'get /readyz',
];

describe('the routes of both APIs', () => {
  // No route is called, so no connection is opened.
  const db = connect({ url: 'postgres://nobody@127.0.0.1:1/none', poolSize: 1, applicationName: 'test' });
  after(() => db.destroy());
  const command = createCommandApp({
    ...httpDeps(),
    db,
    clock: systemClock,
    nudge: () => undefined,
    sagas: noSagas,
    ...commandSettings,
  }).app;
  const query = createQueryApp({
    ...httpDeps(),
    db,
    clock: systemClock,
    ui: { url: 'http://127.0.0.1:8233', namespace: 'default' },
    freshOrderWaitMs: 0,
  });
  const behindContracts = [command, query].map((app) =>
    routesOf(app).filter((route) => !open.includes(route)),
  );

  it('all come from contracts, and each contract is served by one of the two', () => {
    assert.deepEqual(
      behindContracts.flat().sort(),
      contracts.map(({ method, path }) => `${method} ${path}`).sort(),
    );
  });

  it('but for those that are open to everybody, on both', () => {
    for (const app of [command, query])
      assert.deepEqual(
        routesOf(app).filter((route) => open.includes(route)),
        open,
      );
  });

  it('change nothing on the query side', () => {
    assert.deepEqual(
      behindContracts[1]?.filter((route) => !route.startsWith('get ')),
      [],
    );
  });
});
