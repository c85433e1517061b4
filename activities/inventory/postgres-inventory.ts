import { OrderSystemError } from '../../domain/errors.ts';
import { errorOf } from '../../domain/failure-texts.ts';
import { toEvent, type Provenance } from '../../domain/events.ts';
import { shardOf } from '../../domain/topology.ts';
import type { Knex } from '../../db/connection.ts';
import { appendEvents, type Nudge } from '../../db/event-store.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import type { Inventory, StockLine } from './inventory.ts';

interface StockRow {
  readonly sku: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly version: number;
}

// Claims the order: the primary key makes a concurrent repeat wait for the first one's end.
const claim = `
  insert into inventory.reservations (order_id, state, lines, created_at, updated_at)
  values (:orderId, :state, cast(:lines as jsonb), :now, :now)
  on conflict (order_id) do nothing
  returning order_id`;

// Rows are locked in the order of their SKUs, so that two orders with the same SKUs cannot deadlock.
const lockStock = `
  select s.sku from inventory.stock s
  where s.sku = any(:skus)
  order by s.sku
  for update`;

// Short of stock in one line leaves that line out of the result, and the caller rolls back.
const takeStock = `
  update inventory.stock s
  set reserved = s.reserved + l.quantity, version = s.version + 1
  from jsonb_to_recordset(cast(:lines as jsonb)) as l (sku text, quantity integer)
  where s.sku = l.sku and s.on_hand - s.reserved >= l.quantity
  returning s.sku, s.on_hand, s.reserved, s.version`;

const giveBack = `
  update inventory.stock s
  set reserved = s.reserved - l.quantity, version = s.version + 1
  from jsonb_to_recordset(cast(:lines as jsonb)) as l (sku text, quantity integer)
  where s.sku = l.sku
  returning s.sku, s.on_hand, s.reserved, s.version`;

const bookOut = `
  update inventory.stock s
  set on_hand = s.on_hand - l.quantity, reserved = s.reserved - l.quantity, shipped = s.shipped + l.quantity,
    version = s.version + 1
  from jsonb_to_recordset(cast(:lines as jsonb)) as l (sku text, quantity integer)
  where s.sku = l.sku
  returning s.sku, s.on_hand, s.reserved, s.version`;

const setOnHand = `
  insert into inventory.stock as s (sku, on_hand, reserved, version)
  values (:sku, :onHand, 0, 1)
  on conflict (sku) do update set on_hand = excluded.on_hand, version = s.version + 1
  returning s.sku, s.on_hand, s.reserved, s.version`;

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
}

export interface PostgresInventory extends Inventory {
  /** Counts the shelf: sets how many pieces are on hand. Refused below what is reserved. */
  setStock(sku: string, onHand: number, provenance: Provenance): Promise<void>;
}

/** Stock and reservations in PostgreSQL; every change of stock tells `StockChanged` in its own transaction. */
export function createPostgresInventory({ db, clock, nudge }: Deps): PostgresInventory {
  const inTransaction = async <T>(
    provenance: Provenance,
    act: (trx: Knex.Transaction, changed: StockRow[]) => Promise<T>,
  ): Promise<T> => {
    const changed: StockRow[] = [];
    const result = await db.transaction(async (trx) => {
      const value = await act(trx, changed);
      await appendStockEvents(trx, changed, clock.now(), provenance);
      return value;
    });
    nudge([...new Set(changed.map(({ sku }) => shardOf(sku)))]);
    return result;
  };

  return {
    reserve: (orderId, lines, provenance) =>
      inTransaction(provenance, async (trx, changed) => {
        const mine = await rows(trx, claim, {
          orderId,
          state: 'HELD',
          lines: JSON.stringify(lines),
          now: clock.now(),
        });
        if (mine.length === 0) {
          await refuseIfReleased(trx, orderId);
          return;
        }
        await rows(trx, lockStock, { skus: lines.map(({ sku }) => sku) });
        changed.push(...(await rows<StockRow>(trx, takeStock, { lines: JSON.stringify(lines) })));
        if (changed.length < lines.length) throw outOfStock(lines, changed);
      }),

    release: (orderId, provenance) =>
      inTransaction(provenance, async (trx, changed) => {
        const fence = await rows(trx, claim, { orderId, state: 'RELEASED', lines: '[]', now: clock.now() });
        if (fence.length > 0) return false;
        const reservation = await lockReservation(trx, orderId);
        if (reservation?.state !== 'HELD') return false;
        changed.push(...(await settle(trx, reservation.lines, giveBack)));
        await setState(trx, orderId, 'RELEASED', clock.now());
        return true;
      }),

    ship: (orderId, provenance) =>
      inTransaction(provenance, async (trx, changed) => {
        const reservation = await lockReservation(trx, orderId);
        if (reservation?.state === 'SHIPPED') return;
        if (reservation?.state !== 'HELD') {
          throw new OrderSystemError('RESERVATION_FENCED', `nothing is held for order ${orderId}`);
        }
        changed.push(...(await settle(trx, reservation.lines, bookOut)));
        await setState(trx, orderId, 'SHIPPED', clock.now());
      }),

    setStock: (sku, onHand, provenance) =>
      inTransaction(provenance, async (trx, changed) => {
        changed.push(...(await rows<StockRow>(trx, setOnHand, { sku, onHand })));
      }),
  };
}

interface Reservation {
  readonly order_id: string;
  readonly state: 'HELD' | 'RELEASED' | 'SHIPPED';
  readonly lines: readonly StockLine[];
}

const lockReservation = (trx: Knex.Transaction, orderId: string): Promise<Reservation | undefined> =>
  trx<Reservation>('inventory.reservations').where({ order_id: orderId }).forUpdate().first();

/** Changes the stock of each line by one statement, in the order of the locks. */
async function settle(
  trx: Knex.Transaction,
  lines: readonly StockLine[],
  statement: string,
): Promise<StockRow[]> {
  await rows(trx, lockStock, { skus: lines.map(({ sku }) => sku) });
  return rows<StockRow>(trx, statement, { lines: JSON.stringify(lines) });
}

async function setState(
  trx: Knex.Transaction,
  orderId: string,
  state: Reservation['state'],
  now: Date,
): Promise<void> {
  await trx('inventory.reservations').where({ order_id: orderId }).update({ state, updated_at: now });
}

async function refuseIfReleased(trx: Knex.Transaction, orderId: string): Promise<void> {
  const reservation = await trx<Reservation>('inventory.reservations')
    .where({ order_id: orderId, state: 'RELEASED' })
    .first('order_id');
  if (reservation) {
    throw new OrderSystemError(
      'RESERVATION_FENCED',
      `order ${orderId} was released; it takes no reservation any more`,
    );
  }
}

function outOfStock(wanted: readonly StockLine[], taken: readonly StockRow[]): OrderSystemError {
  const got = new Set(taken.map(({ sku }) => sku));
  return errorOf('OUT_OF_STOCK', { lines: wanted.filter(({ sku }) => !got.has(sku)) });
}

async function appendStockEvents(
  trx: Knex.Transaction,
  changed: readonly StockRow[],
  occurredAt: Date,
  provenance: Provenance,
): Promise<void> {
  if (changed.length === 0) return;
  await appendEvents(
    trx,
    changed.map(({ sku, on_hand, reserved, version }) =>
      toEvent(
        { type: 'StockChanged', data: { onHand: on_hand, reserved, available: on_hand - reserved } },
        { id: newId(), aggregateId: sku, aggregateVersion: version, occurredAt },
        provenance,
      ),
    ),
  );
}

async function rows<T>(trx: Knex.Transaction, sql: string, bindings: Record<string, unknown>): Promise<T[]> {
  const result = await trx.raw<{ rows: T[] }>(sql, bindings as Knex.ValueDict);
  return result.rows;
}
