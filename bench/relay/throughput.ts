import { connect as connectNats } from 'nats';
import { createTopology } from '../../domain/topology.ts';
import { ensureStream, type StreamState } from '../../messaging/stream.ts';
import type { Bench } from '../outcome.ts';
import { events, heldSeconds, historySizes, shardCounts, ways } from '../scenarios/relay.ts';
import type { Stores } from '../stores.ts';
import { backToHistory, createOutbox, fill, fillPeer, holdOpen, makeHistory } from './outbox.ts';
import type { Route } from './protocol.ts';
import { inTurn, type Measurement, type Side } from './rates.ts';
import type { Rate, RelayProcess } from './relay-process.ts';
import { createPeerTable } from './skip-locked.ts';

export interface RelayRun extends Bench {
  readonly stores: Stores;
  readonly relays: RelayProcess;
}

/** The relay beside publishing from memory, and beside what most outboxes do. */
export const besideLimits = (run: RelayRun): Promise<Measurement[]> =>
  withStream(run, 'limits-', async (prefix) => {
    const { relays, stores } = run;
    const route = await routeTo(run, 'limits', prefix);
    const peerUrl = await stores.createDatabase('peer', createPeerTable);
    const peer = { databaseUrl: peerUrl, prefix, shards: 1 };
    return inTurn(
      [
        relaySide(run, 'relay', route),
        ...ways.map(({ what, ...way }) => ({
          what,
          measure: () => rate(relays.rate({ ask: 'publish', prefix, way, events: events.drained })),
        })),
        {
          what: `skip locked, one by one`,
          measure: async () => {
            await fillPeer(peerUrl, events.peer);
            return rate(relays.rate({ ask: 'skip-locked', route: peer, events: events.peer }));
          },
        },
      ],
      (done) => done < run.rounds,
      run.progress,
    );
  });

/** The relay with more and more rows that were published long ago. */
export const withHistory = (run: RelayRun): Promise<Measurement[]> =>
  withStream(run, 'history-', async (prefix, { created }) => {
    const sides: Side[] = [];
    for (const size of historySizes[run.long ? 'long' : 'default']) {
      const what = `${size.toLocaleString('en')} rows before`;
      run.progress(`making an outbox with ${what}`);
      const route = await routeTo(run, `history_${size}`, prefix);
      await makeHistory(route.databaseUrl, size, created);
      const relay = relaySide(run, what, route);
      sides.push({
        what,
        measure: async () => {
          const measured = await relay.measure();
          await backToHistory(route.databaseUrl, size);
          return measured;
        },
      });
    }
    return inTurn(sides, (done) => done < run.rounds, run.progress);
  });

/** The relay alone, and with a snapshot that another session of its database has open all the time. */
export const besideSnapshot = (run: RelayRun): Promise<Measurement[]> =>
  withStream(run, 'snapshot-', async (prefix) => {
    const alone = await routeTo(run, 'without_snapshot', prefix);
    const beside = await routeTo(run, 'with_snapshot', prefix);
    // What it keeps from being cleaned up lies in this database alone.
    const release = await holdOpen(beside.databaseUrl, 'snapshot');
    const heldMs = heldSeconds[run.long ? 'long' : 'default'] * 1_000;
    const begun = performance.now();
    const measured = await inTurn(
      [relaySide(run, 'no other session', alone), relaySide(run, 'a snapshot is open', beside)],
      (done) => done < run.rounds || performance.now() - begun < heldMs,
      run.progress,
    );
    run.progress(`the snapshot was open for ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
    await release();
    return measured;
  });

/** The relay alone, and while another session has appended an event and does not commit. */
export const besideWriter = (run: RelayRun): Promise<Measurement[]> =>
  withStream(run, 'writer-', async (prefix) => {
    const route = await routeTo(run, 'writer', prefix);
    const alone = relaySide(run, 'no other session', route);
    return inTurn(
      [
        alone,
        {
          what: 'a writer is open',
          measure: async () => {
            // Every snapshot of the server lists it, so that it must be gone when the other side is measured.
            const release = await holdOpen(route.databaseUrl, 'writer');
            const measured = await alone.measure();
            await release();
            return measured;
          },
        },
      ],
      (done) => done < run.rounds,
      run.progress,
    );
  });

/** One relay for each shard, all in one process. */
export const withShards = (run: RelayRun): Promise<Measurement[]> =>
  withStream(run, 'shards-', async (prefix) => {
    const sides: Side[] = [];
    for (const shards of shardCounts) {
      const route = await routeTo(run, `shards_${shards}`, prefix, shards);
      sides.push(relaySide(run, shards === 1 ? '1 shard' : `${shards} shards`, route));
    }
    return inTurn(sides, (done) => done < run.rounds, run.progress);
  });

export async function routeTo(
  { stores }: RelayRun,
  database: string,
  prefix: string,
  shards = 1,
): Promise<Route> {
  return { databaseUrl: await createOutbox(stores, database, shards), prefix, shards };
}

/** Commits events and then has them relayed: only the latter counts. */
const relaySide = ({ relays }: RelayRun, what: string, route: Route): Side => ({
  what,
  measure: async () => {
    await fill(route.databaseUrl, events.drained, route.shards);
    return rate(relays.rate({ ask: 'relay', route, events: events.drained }));
  },
});

const rate = async (measuring: ReturnType<RelayProcess['rate']>): Promise<Rate> => (await measuring).rate;

/** Has a stream of its own for what is done, so that no part of the benchmark works beside another's messages. */
export async function withStream<T>(
  { stores }: RelayRun,
  prefix: string,
  use: (prefix: string, state: StreamState) => Promise<T>,
): Promise<T> {
  const connection = await connectNats({ servers: stores.natsUrl });
  try {
    const topology = createTopology(prefix);
    const used = await use(prefix, await ensureStream(connection, topology));
    await (await connection.jetstreamManager()).streams.delete(topology.stream);
    return used;
  } finally {
    await connection.close();
  }
}
