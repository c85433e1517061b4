import { PARTITIONS, partitionOf } from '../../domain/topology.ts';
import { openBooks, type Books } from './books.ts';
import type { Facts, Subject } from './check.ts';
import { judgeOutbox } from './event-checks.ts';
import { openLogs, type Logs } from './logs.ts';
import { orderChecks } from './order-checks.ts';
import {
  noteOrders,
  stateOf,
  statesOf,
  type Aggregate,
  type NotedOrders,
  type OrderFacts,
} from './order-facts.ts';
import { shownIds, viewsOf } from './order-views.ts';
import { droppedBefore } from './outboxed.ts';
import { heldBack } from './held-back.ts';
import { sagaCheck, sagaStates } from './saga-check.ts';
import { inSnapshot, snapshotOf, untilSettled, type Sources } from './sources.ts';
import { aggregateKey } from './versions.ts';

/** Orders whose facts are gathered at once. */
const PAGE_SIZE = 1_000;
/** Ids that are listed at once; a slice takes an eighth of them. */
const LISTED = 8_000;
/** Up to so many orders outbox and stream are read once; beyond, once for each partition, to remember less. */
const ORDERS_AT_ONCE = 250_000;
/** Clocks of processes that write orders may differ from the database's by so much. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/** @param onRead is given outbox, stream and books when a slice of them is compared */
export async function auditedOrders(
  sources: Sources,
  orders: number,
  onRead: (logs: Logs, books: Books) => void,
): Promise<Subject<OrderFacts>> {
  const { db, readDb } = sources;
  const dropped = await droppedBefore(db);
  const allPartitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  let logs = openLogs(sources, 'orders');
  let books = openBooks(sources, allPartitions);
  const checks = orderChecks.filter((check) => check !== sagaCheck || sources.sagas !== undefined);
  return { name: 'order', checks, pages, gather };

  async function* pages(): AsyncGenerator<readonly string[]> {
    const slices = orders <= ORDERS_AT_ONCE ? [allPartitions] : allPartitions.map((partition) => [partition]);
    for (const slice of slices) {
      logs = openLogs(sources, 'orders', { partitions: slice });
      books = openBooks(sources, slice);
      await logs.readOn();
      await books.readOn();
      const onlyInLogs = new Set([...logs.stream.keys(), ...logs.outbox.keys()]);
      const onlyInBooks = books.orders();
      for await (const listed of orderIds(sources)) {
        const ids = listed.filter((id) => slice.includes(partitionOf(id)));
        for (const id of ids) {
          onlyInLogs.delete(aggregateKey('order', id));
          onlyInBooks.delete(id);
        }
        yield* chunks(ids);
      }
      // In no table; or placed since its page was listed.
      for (const key of onlyInLogs) onlyInBooks.add(key.slice('order '.length));
      yield* chunks([...onlyInBooks]);
      onRead(logs, books);
    }
  }

  async function gather(
    ids: readonly string[],
    mode: 'first-sight' | 'settled',
  ): Promise<Map<string, OrderFacts>> {
    const { noted, snapshot } = await inSnapshot(db, async (trx) => ({
      noted: await noteOrders(trx, ids),
      snapshot: await snapshotOf(trx),
    }));
    if (mode === 'settled') {
      await logs.readOn(await untilSettled(sources, snapshot));
      await logs.lookAgain(ids.filter((id) => judgeOutbox(aggregateOf(id, noted)) !== undefined));
      // Between the two looks at the rows: of those that have not moved, rows and books are of one moment.
      await books.readOn();
    }
    const viewed = await viewsOf(readDb, ids);
    const held = await heldBack(db, readDb);
    // Before the versions are read: an order that ended with its saga meanwhile has moved.
    const states = await sagaStates(sources, noted.rows.values());
    const now = mode === 'settled' ? await statesOf(db, ids) : undefined;

    const facts = new Map<string, OrderFacts>();
    for (const id of ids) {
      const key = aggregateKey('order', id);
      const row = noted.rows.get(id);
      const flags: Facts = {
        isHeld: held.has(key),
        hasMoved: now !== undefined && now.get(id) !== (row && stateOf(row)),
      };
      facts.set(id, {
        ...flags,
        ...aggregateOf(id, noted),
        ...viewed(id),
        row,
        money: books.moneyOf(id),
        parcel: books.parcelOf(id),
        saga: states.get(id),
        reservation: noted.reservations.get(id),
      });
    }
    return facts;
  }

  function aggregateOf(id: string, { rows }: NotedOrders): Aggregate {
    const key = aggregateKey('order', id);
    const row = rows.get(id);
    const isFrom = (at: Date | undefined): boolean =>
      dropped !== undefined && at !== undefined && at.getTime() < dropped.getTime() + CLOCKS_DIFFER_MS;
    return {
      version: row?.version ?? 0,
      outbox: logs.outbox.get(key),
      stream: logs.stream.get(key),
      mayBeDropped: { first: isFrom(row?.placedAt), last: isFrom(row?.updatedAt) },
    };
  }
}

const selectIds = 'select id from orders.orders where id > :after order by id limit :limit';
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Ids of all orders and of all that read tables show, a page of both at a time. */
async function* orderIds({ db, readDb }: Sources): AsyncGenerator<string[]> {
  for (let after = FIRST_ID; after !== LAST_ID;) {
    const placed = await db.raw<{ rows: { id: string }[] }>(selectIds, { after, limit: LISTED });
    const ids = new Set(placed.rows.map(({ id }) => id));
    // Behind the last order there may be read tables' rows alone.
    const last: string = placed.rows.length < LISTED ? LAST_ID : (placed.rows.at(-1)?.id ?? LAST_ID);
    for (const id of await shownIds(readDb, { after, last })) ids.add(id);
    after = last;
    yield [...ids];
  }
}

function* chunks(ids: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < ids.length; from += PAGE_SIZE) yield ids.slice(from, from + PAGE_SIZE);
}
