import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { connect, type Knex } from '../../../db/connection.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { findTemporalServer } from '../../../dev/servers/known-servers.ts';
import { startTemporalOnPostgres } from '../../../dev/servers/temporal-on-postgres.ts';
import { prepareDatabase } from '../../../dev/servers/temporal-schema.ts';
import { createEmptyDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { postgresUrl, progress, testDataDir } from '../../support/servers.ts';

const colour = defineSearchAttributeKey('Colour', 'KEYWORD');
const namespace = 'on-postgres';

describe('Temporal on PostgreSQL', function () {
  this.timeout(10 * 60_000); // the first run may build the server

  const suffix = randomBytes(4).toString('hex');
  const databases = { temporal: `temporal_${suffix}`, visibility: `visibility_${suffix}` };

  const start = async (): ReturnType<typeof startTemporalOnPostgres> =>
    startTemporalOnPostgres({
      ...{ databases, namespace, progress, searchAttributes: { Colour: 'Keyword' } },
      databaseUrl: await postgresUrl(),
      dir: join(await testDataDir(), 'temporal-on-postgres'),
      port: await freePort(),
    });

  async function withServer<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const server = await start();
    try {
      const connection = await Connection.connect({ address: server.address });
      try {
        return await use(new Client({ connection, namespace }));
      } finally {
        await connection.close();
      }
    } finally {
      await server.stop();
    }
  }

  async function idsOf(client: Client, wanted: string): Promise<string[]> {
    const ids: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query: `Colour = '${wanted}'` }))
      ids.push(workflowId);
    return ids;
  }

  after(async () => {
    const admin = await createEmptyDatabase();
    for (const name of [...Object.values(databases), `cut_${suffix}`])
      await admin.db.raw('drop database if exists ?? with (force)', [name]);
    await admin.drop();
  });

  it('keeps workflows over a restart, and finds them by what they are tagged with', async () => {
    const workflowId = `kept-${suffix}`;
    await withServer(async (client) => {
      await client.workflow.start('waits-for-a-worker', {
        workflowId,
        taskQueue: 'nobody-polls',
        typedSearchAttributes: new TypedSearchAttributes([{ key: colour, value: 'green' }]),
      });
      const listed = async (): Promise<string[] | undefined> => {
        const ids = await idsOf(client, 'green');
        return ids.length > 0 ? ids : undefined;
      };
      assert.deepEqual(await eventually(listed, { what: 'the workflow is listed' }), [workflowId]);
    });
    await withServer(async (client) => {
      const { status } = await client.workflow.getHandle(workflowId).describe();
      assert.equal(status.name, 'RUNNING');
      assert.deepEqual(await idsOf(client, 'green'), [workflowId]);
      assert.deepEqual(await idsOf(client, 'red'), []);
    });
  });

  it('makes a database anew whose making was cut short', async () => {
    const databaseUrl = await postgresUrl();
    const place = { databaseUrl, sqlTool: (await findTemporalServer({ progress })).sqlTool };
    const name = `cut_${suffix}`;
    const cut = new AbortController();
    const abort = (): void => {
      cut.abort();
    };
    await assert.rejects(prepareDatabase(place, name, 'temporal', { progress: abort, signal: cut.signal }), {
      name: 'AbortError',
    });
    await inDatabase(name, (db) => db.raw('create table namespaces (half boolean)'));

    await prepareDatabase(place, name, 'temporal', { progress });
    const columns = await inDatabase(name, (db) => db('namespaces').columnInfo());
    assert.ok('partition_id' in columns && !('half' in columns));
  });

  it('leaves a database alone that holds tables of someone else', async () => {
    const theirs = await createEmptyDatabase();
    try {
      await theirs.db.raw('create table theirs (id int)');
      const temporal = new URL(theirs.url).pathname.slice(1);
      const dir = join(await testDataDir(), 'temporal-refused');
      const databaseUrl = await postgresUrl();
      const options = { databaseUrl, databases: { ...databases, temporal }, dir, port: await freePort() };
      await assert.rejects(
        startTemporalOnPostgres({ ...options, progress }),
        /is there already and was not made for this stack/,
      );
    } finally {
      await theirs.drop();
    }
  });
});

async function inDatabase<T>(name: string, use: (db: Knex) => Promise<T>): Promise<T> {
  const url = new URL(await postgresUrl());
  url.pathname = `/${name}`;
  const db = connect({ url: url.href, poolSize: 1, applicationName: 'test' });
  try {
    return await use(db);
  } finally {
    await db.destroy();
  }
}
