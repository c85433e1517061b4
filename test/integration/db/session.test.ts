import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { sessionSettings } from '../../../db/session.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { hostileDefaults, makeHostile } from '../../support/hostile-defaults.ts';

/** The driver asks for it itself, before any statement. */
const ASKED_BY_DRIVER = ['client_encoding'];

describe('the settings of a session', () => {
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createEmptyDatabase();
    await makeHostile(database.db, new URL(database.url).pathname.slice(1));
    db = connect({ url: database.url, poolSize: 2, applicationName: 'test' });
  });
  after(async () => {
    await db.destroy();
    await database.drop();
  });

  const valueOf = async (name: string, of: Knex = db): Promise<string | null | undefined> =>
    (await of.raw<{ rows: { value: string | null }[] }>('select current_setting(?, true) as value', [name]))
      .rows[0]?.value;
  /** Each may be shown in another unit than it was set in. */
  const asShown = async (name: string, value: string): Promise<string | null | undefined> =>
    database.db.transaction(async (trx) => {
      await trx.raw('select set_config(?, ?, true)', [name, value]);
      return valueOf(name, trx);
    });

  it('are tried against a hostile default each', () => {
    const tried = [...Object.keys(hostileDefaults), ...ASKED_BY_DRIVER];
    assert.deepEqual(Object.keys(sessionSettings).filter((name) => !tried.includes(name)), []);
  });

  for (const [name, value] of Object.entries(sessionSettings))
    it(`${name} is ours, whatever the default of the database is`, async () => {
      const isKnown = (await valueOf(name, database.db)) != null;
      if (isKnown) assert.equal(await valueOf(name), await asShown(name, value));
    });

  it('a commit is on the disk before it is told, unless replicas are waited for as well', async () => {
    assert.equal(await valueOf('synchronous_commit'), 'on');
    const name = new URL(database.url).pathname.slice(1);
    for (const [given, wanted] of [
      ['local', 'on'],
      ['remote_write', 'on'],
      ['remote_apply', 'remote_apply'],
    ] as const) {
      await database.db.raw(`alter database ${name} set synchronous_commit = ${given}`);
      const fresh = connect({ url: database.url, poolSize: 1, applicationName: 'test' });
      try {
        assert.equal(await valueOf('synchronous_commit', fresh), wanted);
      } finally {
        await fresh.destroy();
      }
    }
  });

  it('leave a database read-only that is set to be so', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.db.raw(`alter database ${name} set default_transaction_read_only = on`);
    const fresh = connect({ url: database.url, poolSize: 1, applicationName: 'test' });
    try {
      await assert.rejects(fresh.raw('create table written ()'), { code: '25006' });
    } finally {
      await fresh.destroy();
    }
  });
});
