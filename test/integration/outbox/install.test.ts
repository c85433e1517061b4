import assert from 'node:assert/strict';
import type { Knex } from '../../../db/connection.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { installFirstOutbox } from '../../support/first-outbox.ts';

describe('installing the outbox', () => {
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
  });
  after(() => database.drop());

  const cursors = async (schema: string): Promise<unknown> =>
    (await db.withSchema(schema).table('outbox_cursor').orderBy('shard').select('shard', 'epoch')) as unknown;

  it('may be repeated, also by several at once, and leaves what is there', async () => {
    const at = { schema: 'repeated', shards: 2 };
    await Promise.all([installOutbox(db, at), installOutbox(db, at)]);
    await db.withSchema(at.schema).table('outbox_cursor').where({ shard: 1 }).update({ epoch: 7 });
    await installOutbox(db, at);
    assert.deepEqual(await cursors(at.schema), [
      { shard: 0, epoch: '0' },
      { shard: 1, epoch: '7' },
    ]);
  });

  it('takes a first version, which kept no record of itself, for what it is', async () => {
    const at = { schema: 'first', shards: 1 };
    await installFirstOutbox(db, at.schema);
    await installOutbox(db, at);
    assert.deepEqual(await cursors(at.schema), [{ shard: 0, epoch: '0' }]);
    assert.deepEqual(await db.withSchema(at.schema).table('outbox_parked'), []);
  });
});
