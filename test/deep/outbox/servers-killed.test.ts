import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { connect, type Knex } from '../../../db/connection.ts';
import { isDatabaseOutOfReach } from '../../../db/database-failures.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import type { Topology } from '../../../domain/topology.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { faultsOf } from '../../support/outbox-faults.ts';
import type { ReadEvent } from '../../support/outbox-readers.ts';
import { createTestRelays } from '../../support/outbox-relays.ts';
import {
  createAggregates,
  runTransaction,
  writerScripts,
  type WriterTransaction,
} from '../../support/outbox-writers.ts';
import { ownNats, ownPostgres, type OwnServer } from '../../support/own-servers.ts';
import { readEvents } from '../../support/stream.ts';

interface Kill {
  readonly server: 'postgres' | 'nats';
  /** After the last one was over, in ms. */
  readonly afterMs: number;
  /** How long the server stays away, in ms. */
  readonly downMs: number;
}

const killOf = (...servers: Kill['server'][]): fc.Arbitrary<Kill> =>
  fc.record({
    server: fc.constantFrom(...servers),
    afterMs: fc.integer({ min: 100, max: 1_000 }),
    downMs: fc.constantFrom(0, 0, 300),
  });
/** Both servers, and one of them twice. */
const kills = fc
  .tuple(killOf('postgres'), killOf('nats'), killOf('postgres', 'nats'))
  .chain((plan) => fc.shuffledSubarray(plan, { minLength: plan.length }));

const SHARDS = 2;
const WRITERS = 8;

/** Knex hands out a transaction, or savepoint, that could not be begun, and says of it that it is complete. */
const isBroken = (error: unknown): boolean =>
  isDatabaseOutOfReach(error) || String(error).includes('Transaction query already complete');

describe('PostgreSQL and NATS killed with SIGKILL under load', function () {
  this.timeout(180_000);
  let servers: Record<Kill['server'], OwnServer>;
  let db: Knex;
  let count = 0;

  before(async () => {
    servers = { postgres: await ownPostgres('full'), nats: await ownNats() };
    db = connect({ url: servers.postgres.url, poolSize: 20, applicationName: 'test' });
  });
  after(async () => {
    await db.destroy();
    for (const server of Object.values(servers)) await server.remove();
  });

  /** Writes until told to end, again and again from the script. @returns ids of what it knows to be committed */
  async function writeOn(schema: string, script: WriterTransaction[], end: AbortSignal): Promise<string[]> {
    const committed: string[] = [];
    for (let turn = 0; !end.aborted; turn++) {
      const transaction = script[turn % script.length];
      assert.ok(transaction);
      try {
        committed.push(...(await runTransaction(db, schema, transaction, SHARDS)));
      } catch (error) {
        if (!isBroken(error)) throw error;
        await pause(20);
      }
    }
    return committed;
  }

  async function carryOut(plan: readonly Kill[]): Promise<void> {
    for (const { server, afterMs, downMs } of plan) {
      await pause(afterMs);
      await servers[server].kill();
      await pause(downMs);
      await servers[server].start();
    }
  }

  const untilCaughtUp = (schema: string): Promise<true> =>
    eventually(async () => (await isCaughtUp(db, schema, SHARDS)) || undefined, {
      what: 'everything is published',
      withinMs: 30_000,
    });

  async function streamOf(topology: Topology): Promise<ReadEvent[]> {
    const messaging = await testMessaging(servers.nats.url);
    try {
      return await readEvents(messaging.require(), topology);
    } finally {
      await messaging.close();
    }
  }

  async function faultsUnderKills(
    scripts: readonly WriterTransaction[][],
    plan: readonly Kill[],
  ): Promise<string[]> {
    const schema = `servers_${++count}`;
    await installOutbox(db, { schema, shards: SHARDS });
    await createAggregates(db, schema);
    const topology = newTopology();
    const relays = createTestRelays({ db, schema, topology, natsUrl: servers.nats.url });
    const end = new AbortController();
    try {
      for (let shard = 0; shard < SHARDS; shard++) await relays.start(shard);
      const writing = Promise.all(scripts.map((script) => writeOn(schema, script, end.signal)));
      writing.catch(() => undefined); // thrown below, once both servers run again
      await carryOut(plan);
      end.abort();
      const known = (await writing).flat();
      await untilCaughtUp(schema);
      // Whether a commit that was not answered counts, the table says.
      const rows: { id: string }[] = await db.withSchema(schema).table('outbox').select('id');
      const committed = new Set(rows.map(({ id }) => id));
      return [
        ...known.filter((id) => !committed.has(id)).map((id) => `answered, and not in the table: ${id}`),
        ...faultsOf(await streamOf(topology), committed),
      ];
    } finally {
      end.abort();
      await relays.stopAll();
    }
  }

  it('at random points: the stream holds each event that was committed, no other, in order', async () => {
    await fc.assert(
      fc.asyncProperty(writerScripts(WRITERS), kills, async (scripts, plan) => {
        assert.deepEqual(await faultsUnderKills(scripts, plan), []);
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });
});
