import { createTopology } from '../../domain/topology.ts';
import { newId } from '../../platform/clock.ts';
import { backlogs, events, heldSeconds, historySizes, shardCounts, ways } from '../scenarios/relay.ts';
import { measureIdleLatency, type LatencyCell } from './latency.ts';
import { backToHistory, fill, fillPeer, holdOpen, makeHistory } from './outbox.ts';
import type { Route } from './protocol.ts';
import { inTurn, type Measurement, type Side } from './rates.ts';
import type { Rate, RelayProcess } from './relay-process.ts';
import { routeTo, withStream, type RelayRun } from './relay-run.ts';
import { createPeerTable } from './skip-locked.ts';

export interface History {
  readonly rates: readonly Measurement[];
  /** Of single events. */
  readonly latencies: readonly LatencyCell[];
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

/** The relay after it was away for shorter and longer, each in an outbox of its own. */
export const withBacklog = (run: RelayRun): Promise<Measurement[]> =>
  withStream(run, 'backlog-', async (prefix) => {
    const sides: Side[] = [];
    for (const count of backlogs) {
      const route = await routeTo(run, `backlog_${count}`, prefix);
      sides.push(relaySide(run, `${count.toLocaleString('en')} events wait`, route, count));
    }
    return inTurn(sides, (done) => done < run.rounds, run.progress);
  });

/** The relay with more and more rows that were published long ago. */
export const withHistory = (run: RelayRun): Promise<History> =>
  withStream(run, 'history-', async (prefix, { created }, connection) => {
    const event = { aggregateType: 'order', aggregateId: newId(), type: 'OrderCreated' };
    await connection.jetstream().publish(createTopology(prefix).subjectOf(event), 'before all histories');
    const sides: Side[] = [];
    const latencies: LatencyCell[] = [];
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
          latencies.push(await measureIdleLatency(run, route, what));
          await backToHistory(route.databaseUrl, size);
          return measured;
        },
      });
    }
    const rates = await inTurn(sides, (done) => done < run.rounds, run.progress);
    return { rates, latencies };
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

/** Commits events and then has them relayed: only the latter counts. */
const relaySide = (
  { relays }: RelayRun,
  what: string,
  route: Route,
  count: number = events.drained,
): Side => ({
  what,
  measure: async () => {
    await fill(route.databaseUrl, count, route.shards);
    return rate(relays.rate({ ask: 'relay', route, events: count }));
  },
});

const rate = async (measuring: ReturnType<RelayProcess['rate']>): Promise<Rate> => (await measuring).rate;
