import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import type { Knex } from '../../db/connection.ts';
import { appendPublished, type PublishedEvent } from '../../db/outbox/set-back.ts';
import { restoreOrder } from '../../db/restore-orders.ts';
import type { OrderEvent } from '../../domain/events.ts';
import type { LostAggregate, ReadableEvent } from './lost-aggregates.ts';
import { restoreProduct, restoreReservation, restoreStock } from './take-back-stock.ts';

const location = { schema: OUTBOX_SCHEMA };
const by = { operator: 'set-back', reason: 'taken back from the stream' };

interface Outcome {
  readonly taken: number;
  /** Aggregates whose rows changed while this ran, or that could not be written: each with the reason. */
  readonly left: readonly string[];
}

/**
 * Writes what the stream knows back into the database, an aggregate in one transaction: row and outbox rows together,
 * so that it may be interrupted and run again. Conflicts stay as they are.
 */
export async function takeBack(
  db: Knex,
  created: string,
  aggregates: readonly LostAggregate[],
  onProgress: (done: number) => void,
): Promise<Outcome> {
  const wanted = aggregates.filter(({ standing }) => standing !== 'CONFLICT');
  const left: string[] = [];
  let taken = 0;
  // Reservations first: stock adds them up, and the events of an order are no longer lost once its row is written.
  for (const aggregate of wanted)
    if (aggregate.type === 'order') await restoreReservation(db, aggregate.events.map(eventOf));
  for (const aggregate of [...wanted].sort(byType)) {
    try {
      await db.transaction(async (trx) => {
        await writeRow(trx, aggregate);
        await appendPublished(trx, location, aggregate.events.map(toPublished), { created, ...by });
      });
      taken += 1;
    } catch (error) {
      left.push(
        `${aggregate.type} ${aggregate.id}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    onProgress(taken + left.length);
  }
  return { taken, left };
}

const order = { product: 0, stock: 1, order: 2 } as const;
const byType = (a: LostAggregate, b: LostAggregate): number => order[a.type] - order[b.type];
const eventOf = ({ event }: ReadableEvent): ReadableEvent['event'] => event;

async function writeRow(trx: Knex.Transaction, { type, events, version }: LostAggregate): Promise<void> {
  switch (type) {
    case 'order':
      await restoreOrder(trx, events.map(eventOf) as OrderEvent[]);
      break;
    case 'product':
      await restoreProduct(trx, version, events.map(eventOf));
      break;
    case 'stock':
      await restoreStock(trx, version, events.map(eventOf));
      break;
  }
}

const toPublished = ({ id, shard, sequence, body, event }: ReadableEvent): PublishedEvent => ({
  id,
  shard,
  sequence,
  aggregateType: event.aggregateType,
  aggregateId: event.aggregateId,
  aggregateVersion: event.aggregateVersion,
  eventType: event.type,
  payload: body,
  headers: { traceparent: event.traceparent },
});
