import assert from 'node:assert/strict';
import { serverConfig, services } from '../../../dev/servers/temporal-config.ts';
import { accessTo } from '../../../dev/servers/temporal-schema.ts';
import { parseArguments } from '../../../dev/start-arguments.ts';

describe('choosing what Temporal is started as', () => {
  it('is the dev server unless something else is asked for', () => {
    assert.equal(parseArguments([]).temporal, 'dev');
    assert.equal(parseArguments(['--temporal=postgres']).temporal, 'postgres');
    assert.equal(parseArguments(['--temporal', 'postgres', '--fresh']).fresh, true);
  });

  it('a kind that is not known is told with those that are', () => {
    for (const value of ['--temporal=sqlite', '--temporal='])
      assert.throws(() => parseArguments([value]), /it can be dev or postgres/);
  });
});

describe('a Temporal server on PostgreSQL', () => {
  it('takes user, password and database as they are meant, not as they are written in the URL', () => {
    assert.deepEqual(accessTo('postgres://me%40here:p%2Fw%20d@db.example:5433/orders'), {
      host: 'db.example',
      port: 5433,
      user: 'me@here',
      password: 'p/w d',
      database: 'orders',
    });
  });

  it('a database that Temporal cannot reach is refused with what to do instead', () => {
    for (const url of ['postgres://me@host/orders?sslmode=verify-full', 'postgres://me@/orders?host=/run/pg'])
      assert.throws(() => accessTo(url), /TEMPORAL_ADDRESS/);
  });

  it('listens on the loopback interface alone', () => {
    const ports = { grpc: 1, membership: 2 };
    const text = serverConfig({
      access: accessTo('postgres://me:secret@127.0.0.1/orders'),
      databases: { temporal: 't', visibility: 'v' },
      ports: { frontend: ports, history: ports, matching: ports, worker: ports },
      dynamicConfigFile: '/d.yaml',
    });
    assert.equal(text.match(/"bindOnIP":"127\.0\.0\.1"/g)?.length, services.length);
  });
});
