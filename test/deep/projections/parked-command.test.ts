import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { OrderEvent } from '../../../domain/events.ts';
import { createTopology, PARTITIONS } from '../../../domain/topology.ts';
import { projections } from '../../../projections/projections.ts';
import { findOrders } from '../../../projections/queries/orders.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { messageOf, parkedRows, parkingOfMessages } from '../../support/parked.ts';
import { projectRoot } from '../../support/project-root.ts';

const by = ['--operator', 'ada', '--reason', 'seen'];

describe('npm run parked', () => {
  const topology = createTopology();
  let events: OrderEvent[];
  let orderId: string;
  let database: TestDatabase;
  let parking: Awaited<ReturnType<typeof parkingOfMessages>>;
  let folder: string;

  before(async () => {
    events = orderHistory(stories.completed);
    orderId = events[0]?.aggregateId ?? '';
    folder = await mkdtemp(join(tmpdir(), 'parked-'));
    database = await createTestDatabase();
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    parking = await parkingOfMessages({ db: database.db, projections, topology, partitions });
    const messages = events.map((event, index) =>
      messageOf(topology, index + 1, event, index === 2 ? JSON.stringify({ ...event, data: {} }) : undefined),
    );
    await parking.apply(messages, 'first', () => Promise.resolve());
  });
  after(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  async function parked(...args: string[]): Promise<{ code: number; text: string }> {
    const run = promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'projections/parked.main.ts', ...args],
      { cwd: projectRoot, env: { READ_DATABASE_URL: database.url } },
    );
    return run.then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      (error: unknown) => {
        const { code, stderr } = error as { code: number; stderr: string };
        return { code, text: stderr.replace(/^connects to PostgreSQL .*\n/, '') };
      },
    );
  }

  it('lists, shows, edits and retries what is parked', async () => {
    const list = await parked('list');
    assert.match(list.text, /PaymentCharged\.v1: data\.amountMinor: 1/);
    const id = /│ 0 +│ '(\d+)'/.exec(list.text)?.[1] ?? '';
    assert.match((await parked('show', id)).text, /field: 'data.currency',\s+problem: 'missing'/);
    const file = join(folder, 'event.json');
    await writeFile(file, JSON.stringify({ ...events[2], aggregateVersion: 9 }));
    const refused = await parked('edit', id, '--file', file, ...by);
    assert.deepEqual([refused.code, refused.text], [2, 'aggregateVersion: must stay 3\n']);
    await writeFile(file, JSON.stringify(events[2]));
    assert.equal((await parked('edit', id, '--file', file, ...by)).code, 0);
    const retried = await parked('retry', '--aggregate', orderId, ...by);
    assert.equal(retried.text, '1 will be tried again, 0 are left\n');
    await parking.carryOutDecisions(() => Promise.resolve());
    assert.equal((await findOrders(database.db, [orderId])).get(orderId)?.version, 4);
    assert.equal((await parkedRows(database.db))[0]?.state, 'APPLIED');
    assert.equal((await parked('show', id)).text, `event ${id} is not parked\n`);
  });

  it('says what a command lacks, and does nothing', async () => {
    for (const [args, lack] of [
      [['discard', '1'], /^discard needs --operator and --reason/],
      [['retry', ...by], /^retry needs an id, --cause or --aggregate/],
      [['show', 'x'], /^show needs the id of a parked event/],
    ] as const) {
      const { code, text } = await parked(...args);
      assert.equal(code, 2);
      assert.match(text, lack);
    }
  });
});
