import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { Knex } from '../../../db/connection.ts';
import { append, installOutbox, nextVersion, type OutboxTransaction } from '../../../db/outbox/index.ts';
import { newId } from '../../../platform/clock.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';

const SCHEMA = 'outbox';
const at = { schema: SCHEMA };

describe('appending to the outbox', () => {
  let database: TestDatabase;
  let db: Knex;
  let client: Client;

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
    client = new Client({ connectionString: database.url });
    await client.connect();
    await installOutbox(db, { ...at, shards: 1 });
  });
  after(async () => {
    await client.end();
    await database.drop();
  });
  beforeEach(() => db.raw('truncate outbox.outbox, outbox.outbox_versions'));

  const withKnex = (act: (trx: OutboxTransaction) => Promise<void>): Promise<void> => db.transaction(act);
  async function withClient(act: (trx: OutboxTransaction) => Promise<void>): Promise<void> {
    await client.query('begin');
    try {
      await act(client);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    }
  }

  const event = (aggregateId: string, payload: unknown = {}): Parameters<typeof append>[1][number] => ({
    id: newId(),
    shard: 0,
    aggregateType: 'test',
    aggregateId,
    aggregateVersion: 1,
    eventType: 'Happened',
    payload,
    headers: { of: 'all$1 kinds?' },
  });
  const written = async (): Promise<{ aggregate_id: string; payload: unknown; headers: unknown }[]> =>
    db.withSchema(SCHEMA).table('outbox').orderBy('seq').select('aggregate_id', 'payload', 'headers');

  for (const [kind, transaction] of Object.entries({
    'of Knex': withKnex,
    'on a bare client': withClient,
  })) {
    describe(`in a transaction ${kind}`, () => {
      it('gives numbers in the order of the array', async () => {
        const ids = Array.from({ length: 500 }, (_, index) => `${(index * 7919) % 500}`);
        await transaction((trx) =>
          append(
            trx,
            ids.map((id) => event(id)),
            at,
          ),
        );
        assert.deepEqual(
          (await written()).map(({ aggregate_id }) => aggregate_id),
          ids,
        );
      });

      it('keeps any JSON value as it is', async () => {
        const payloads = [null, 'a "?" and a \\', 0.1, false, [], [null, { 'a.b': 'ü{},' }], {}];
        await transaction((trx) =>
          append(
            trx,
            payloads.map((payload) => event('a', payload)),
            at,
          ),
        );
        const rows = await written();
        assert.deepEqual(
          rows.map(({ payload }) => payload),
          payloads,
        );
        assert.deepEqual(rows[0]?.headers, { of: 'all$1 kinds?' });
      });

      it('that is rolled back leaves nothing, and its version is given out again', async () => {
        const aggregate = { aggregateType: 'test', aggregateId: 'a' };
        const versions: number[] = [];
        const write = async (trx: OutboxTransaction): Promise<void> => {
          versions.push(await nextVersion(trx, aggregate, at));
          await append(trx, [event('a')], at);
        };
        await transaction(write);
        await assert.rejects(
          transaction(async (trx) => {
            await write(trx);
            throw new Error('changed my mind');
          }),
          /changed my mind/,
        );
        await transaction(write);
        assert.deepEqual(versions, [1, 2, 2]);
        assert.equal((await written()).length, 2);
      });
    });
  }

  it('asks no more rights of a writer than docs/retrofit.md says', async () => {
    const role = `writer_${randomBytes(4).toString('hex')}`;
    await db.raw(`
      create role ${role};
      grant usage on schema outbox to ${role};
      grant insert on outbox.outbox to ${role};
      grant select, insert, update on outbox.outbox_versions to ${role}`);
    try {
      await withClient(async (trx) => {
        await client.query(`set local role ${role}`);
        for (const version of [1, 2])
          assert.equal(await nextVersion(trx, { aggregateType: 'test', aggregateId: 'a' }, at), version);
        await append(trx, [event('a')], at);
      });
    } finally {
      await db.raw(`drop owned by ${role}; drop role ${role}`);
    }
  });

  it('on a client that is in no transaction is refused', async () => {
    await assert.rejects(append(client, [event('a')], at), /this client is in none/);
    assert.deepEqual(await written(), []);
  });
});
