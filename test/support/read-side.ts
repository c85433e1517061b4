import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { PARTITIONS, type Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { publishInOrder } from '../../messaging/publish.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { newId } from '../../platform/clock.ts';
import type { Projection } from '../../projections/kit/projection.ts';
import { projections } from '../../projections/projections.ts';
import { runProjector, type ProjectorObserver } from '../../projections/projector.ts';
import type { RebuildDeps } from '../../projections/rebuild/rebuild.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { newTopology, testMessaging } from './messaging.ts';
import { appliedSequence, contentsOf } from './tables.ts';
import { messageOf } from './stream.ts';

/** Read tables, a stream, and projectors in this process. */
export interface ReadSide {
  readonly database: TestDatabase;
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  /** What a rebuild needs; lines go to `told`. */
  readonly deps: RebuildDeps;
  readonly told: string[];
  /** @param of projections of another release than this one */
  startProjector(observer?: Partial<ProjectorObserver>, of?: readonly Projection[]): void;
  stopProjectors(): Promise<void>;
  /** @returns the last sequence */
  publish(events: readonly DomainEvent[]): Promise<number>;
  untilApplied(sequence: number): Promise<void>;
  /** Resolves when projectors have all partitions. */
  untilHeld(): Promise<void>;
  close(): Promise<void>;
}

const silent: ProjectorObserver = {
  applied: () => undefined,
  visible: () => undefined,
  currentAsOf: () => undefined,
  holds: () => undefined,
  restarted: () => undefined,
  gap: () => undefined,
  parked: () => undefined,
  waiting: () => undefined,
  announcementIgnored: () => undefined,
  failed: () => undefined,
};

export async function createReadSide(): Promise<ReadSide> {
  const database = await createTestDatabase();
  const { db } = database;
  const messaging = await testMessaging();
  const topology = newTopology();
  const connection = messaging.require();
  await ensureStream(connection, topology);
  const running: { stop: AbortController; ended: Promise<void> }[] = [];
  const told: string[] = [];
  const tell = (line: string): void => {
    told.push(line);
  };
  const stopProjectors = async (): Promise<void> => {
    const stopped = running.splice(0);
    for (const { stop } of stopped) stop.abort();
    await Promise.all(stopped.map(({ ended }) => ended));
  };
  return {
    database,
    db,
    messaging,
    topology,
    told,
    deps: { write: db, read: db, connection, topology, pageSize: 50, tell },
    startProjector: (observer = {}, of = projections) => {
      const stop = new AbortController();
      const deps = { db, messaging, topology, projections: of, owner: newId(), pageSize: 20 };
      const ended = runProjector({ ...deps, observer: { ...silent, ...observer } }, stop.signal);
      running.push({ stop, ended });
    },
    stopProjectors,
    publish: async (events) => {
      let last = 0;
      for (let at = 0; at < events.length; at += 500) {
        const messages = events.slice(at, at + 500).map((event) => messageOf(topology, event, newId()));
        last = (await publishInOrder(connection, messages)).lastSequence;
      }
      return last;
    },
    untilApplied: async (sequence) => {
      await eventually(async () => ((await appliedSequence(db)) >= sequence ? true : undefined), {
        what: `message ${sequence} is applied`,
      });
    },
    untilHeld: async () => {
      await eventually(
        async () => {
          const held = await db('read.checkpoints').whereRaw('lease_until > now()');
          return held.length === PARTITIONS ? true : undefined;
        },
        { what: 'all partitions are held' },
      );
    },
    close: async () => {
      await stopProjectors();
      const manager = await connection.jetstreamManager();
      await manager.streams.delete(topology.stream);
      await messaging.close();
      await database.drop();
    },
  };
}

/** Rows of all tables of projections, figures as sums over the partitions. */
export async function readTables(db: Knex, schema = 'read'): Promise<Record<string, string[]>> {
  const names = ['order_summary', 'sales_orders', 'products'].map((name) => `${schema}.${name}`);
  const { rows } = await db.raw<{ rows: { row: string }[] }>(
    `select cast(to_jsonb(t) as text) as row from (
      select grain, bucket, sku, currency, status, sum(orders) as orders, sum(quantity) as quantity, sum(amount_minor) as amount
      from ?? group by 1, 2, 3, 4, 5 having sum(orders) <> 0
    ) t order by 1`,
    [`${schema}.sales`],
  );
  return { ...(await contentsOf(db, names)), [`${schema}.sales`]: rows.map(({ row }) => row) };
}
