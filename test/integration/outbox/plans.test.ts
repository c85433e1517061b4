import assert from 'node:assert/strict';
import pg from 'pg';
import type { Knex } from '../../../db/connection.ts';
import type { Claim } from '../../../db/outbox/cursor.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { BEGINNING } from '../../../db/outbox/location.ts';
import type { Publisher } from '../../../db/outbox/ports.ts';
import { rewindIfLost } from '../../../db/outbox/rewind.ts';
import { backlogOf, openWindow, readPage } from '../../../db/outbox/window.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';

const PARTITIONS = 4;
const ROWS = 5_000;
/** Of 8 KiB. A partition has some 150; 500 rows in order lie in some 30. */
const MOST_BLOCKS = 50;
/** All long over, also on a server that has only begun. */
const FIRST_XID = 100;
const ROWS_PER_XID = 40;
const explainAll = `
  load 'auto_explain';
  set auto_explain.log_min_duration = 0;
  set auto_explain.log_nested_statements = on;
  set auto_explain.log_analyze = on;
  set auto_explain.log_buffers = on;
  set auto_explain.log_format = json;
  set client_min_messages = log`;
const LAST_XID = FIRST_XID + (PARTITIONS * ROWS) / ROWS_PER_XID - 1;

describe('what a relay asks an outbox of filled partitions', function () {
  this.timeout(60_000);
  const claim: Claim = { schema: 'plans', shard: 0, epoch: '0' };
  let database: TestDatabase;
  let db: Knex;
  /** Takes what knex sends as it is, and is told the plan of each statement, those in functions included. */
  let client: pg.Client;
  let plans: string[] = [];

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(explainAll);
    client.on('notice', ({ message = '' }) => {
      const [, plan] = message.split(/^duration: .* plan:$/m);
      if (plan !== undefined) plans.push(plan);
    });
    await installOutbox(db, { schema: claim.schema, shards: 2 });
    await db.raw('insert into plans.outbox_session (shard, epoch) values (0, 0)');
    await scansOf(() => openWindow(db, claim, BEGINNING, 500));
    await scansOf(readFrom(BEGINNING, 0));
    await db.raw(
      `insert into plans.outbox
        (id, shard, xid, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers, created_at)
      select gen_random_uuid(), n % 2, cast(cast(${FIRST_XID} + n / ${ROWS_PER_XID} as text) as xid8), 'test', cast(n as text), 1,
        'Happened', '{}', '{}', now() + n / ${ROWS} * interval '24 hours'
      from generate_series(0, ${PARTITIONS * ROWS - 1}) as n`,
    );
    await db.raw('update plans.outbox_cursor set snapshot_from = ?', [snapshotBefore(LAST_XID - 1)]);
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  interface Plan {
    readonly 'Node Type': string;
    readonly 'Relation Name'?: string;
    readonly 'Actual Rows'?: number;
    readonly 'Actual Loops'?: number;
    readonly 'Rows Removed by Filter'?: number;
    readonly 'Shared Hit Blocks': number;
    readonly 'Shared Read Blocks': number;
    readonly Plans?: readonly Plan[];
  }
  const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

  /** Runs what is asked once more, explained. @returns the nodes that read partitions with rows in them */
  async function scansOf(ask: () => Promise<unknown>, tables = /^outbox_(first|\d+)$/): Promise<Plan[]> {
    const asked: { sql: string; bindings: Knex.RawBinding[] }[] = [];
    const note = (query: { sql: string; bindings: Knex.RawBinding[] }): void => {
      if (/^\s*(select|with)\b/.test(query.sql)) asked.push(query);
    };
    db.on('query', note);
    await ask();
    db.off('query', note);
    for (const { sql, bindings } of asked) await client.query(sql, bindings); // reads the catalogue, too, which a session does once
    plans = [];
    for (const { sql, bindings } of asked) await client.query(sql, bindings);
    return plans
      .flatMap((plan) => nodesOf((JSON.parse(plan) as { Plan: Plan }).Plan))
      .filter((plan) => tables.test(plan['Relation Name'] ?? ''));
  }

  const snapshotBefore = (xid: number): string => `${xid - 2}:${xid}:${xid - 2}`;
  /** A page behind `lastSeq`; of transactions that had not begun at `from` there is nothing before `begunBehind`. */
  const readFrom =
    (from: string, lastSeq: number, begunBehind = lastSeq) =>
    (): Promise<unknown> => {
      const window = { to: '1000000:1000000:', lastSeq: String(lastSeq), begunBehind: String(begunBehind) };
      return readPage(db, claim, { from, window }, 500);
    };

  const readings = {
    'looking for a window when there is none': () => openWindow(db, claim, snapshotBefore(LAST_XID + 3), 500),
    'looking for a window of a few rows': () => openWindow(db, claim, snapshotBefore(LAST_XID - 1), 500),
    'looking for a window of a hundredth of the rows': () =>
      openWindow(db, claim, snapshotBefore(LAST_XID - 5), 500),
    'looking for the first window': () => openWindow(db, claim, BEGINNING, 500),
    'reading a page of a few rows': readFrom(snapshotBefore(LAST_XID - 1), PARTITIONS * ROWS - 50),
    'reading a page in the middle of everything': readFrom(BEGINNING, (PARTITIONS * ROWS) / 2),
    'reading the first page of a large backlog': readFrom(
      snapshotBefore(LAST_XID - 200),
      ROWS * PARTITIONS - 8_000,
    ),
    'reading a page with a row that was committed very late': readFrom(
      snapshotBefore(LAST_XID - 1),
      1,
      PARTITIONS * ROWS - 50,
    ),
  };

  for (const [what, ask] of Object.entries(readings))
    it(`${what}, planned while the outbox was empty, reads by index, and little beside what it is for`, () =>
      readsLittle(ask));

  describe('and has statistics of', () => {
    before(() => db.raw('vacuum analyze plans.outbox'));

    for (const [what, ask] of Object.entries({
      ...readings,
      'measuring the backlog': () => backlogOf(db, claim),
    }))
      it(`${what} reads by index, and little beside what it is for`, () => readsLittle(ask));
  });

  async function readsLittle(ask: () => Promise<unknown>): Promise<void> {
    const scans = await scansOf(ask);
    assert.ok(scans.length > 0, 'the plans that were looked at read partitions');
    assert.deepEqual(
      scans.filter((plan) => plan['Node Type'] === 'Seq Scan'),
      [],
    );
    for (const plan of scans) {
      assert.ok(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] <= MOST_BLOCKS, JSON.stringify(plan));
      assert.ok((plan['Rows Removed by Filter'] ?? 0) < 500, JSON.stringify(plan));
      assert.ok((plan['Actual Rows'] ?? 0) * (plan['Actual Loops'] ?? 1) <= 501, JSON.stringify(plan));
    }
  }

  it('whether the stream has lost something is seen at the newest pages of the journal', async () => {
    await db.raw(
      `insert into plans.outbox_journal
        (shard, epoch, snapshot_from, snapshot_to, first_seq, last_seq, row_count, stream_created, stream_sequence)
      select 0, 0, '3:3:', '3:3:', n, n, 1, 'this one', n
      from generate_series(1, ${PARTITIONS * ROWS}) n`,
    );
    await db.raw('vacuum analyze plans.outbox_journal');
    const stream = { created: 'this one', lastSequence: PARTITIONS * ROWS };
    const publisher: Publisher = {
      lastPosition: stream,
      position: () => Promise.resolve(stream),
      publish: () => Promise.reject(new Error('nothing is published here')),
    };
    const ask = (): Promise<unknown> => rewindIfLost(db, claim, publisher);
    assert.equal(await ask(), undefined);
    const scans = await scansOf(ask, /^outbox_journal$/);
    const read = scans.map((plan) => (plan['Actual Rows'] ?? 0) * (plan['Actual Loops'] ?? 0));
    assert.ok(Math.max(...read) >= 1 && Math.max(...read) <= 1_000, `rows read: ${read.join(', ')}`);
    assert.deepEqual(
      scans.filter((plan) => (plan['Rows Removed by Filter'] ?? 0) > 0),
      [],
    );
  });
});
