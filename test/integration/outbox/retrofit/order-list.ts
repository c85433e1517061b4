import type { JsMsg } from 'nats';
import type { Knex } from 'knex';
import type { Topology } from '../../../../domain/topology.ts';
import type { Messaging } from '../../../../messaging/connection.ts';
import { consume } from '../../../../messaging/consumer.ts';
import { orderSchema } from './events.ts';

// doc: table
export const orderListTable = `
  create schema shop_read;
  create table shop_read.order_list (
    order_id text primary key,
    version integer not null,
    customer text not null,
    total_cents integer not null,
    status text not null,
    is_removed boolean not null
  );
`;
// end doc

// doc: apply
// A repeat, and an event that comes after a later one, finds a version that is not lower and changes nothing. What
// was removed stays as a row, because without its version a repeat would bring it back.
const save = `
  insert into shop_read.order_list as l (order_id, version, customer, total_cents, status, is_removed)
  values (:orderId, :version, :customer, :total_cents, :status, :isRemoved)
  on conflict (order_id) do update
  set version = excluded.version, customer = excluded.customer, total_cents = excluded.total_cents,
    status = excluded.status, is_removed = excluded.is_removed
  where l.version < excluded.version`;

async function apply(db: Knex, message: JsMsg): Promise<void> {
  const header = (name: string): string => message.headers?.get(name) ?? '';
  await db.raw(save, {
    ...orderSchema.parse(message.json()),
    orderId: header('ce-subject'),
    version: Number(header('ce-sequence')),
    isRemoved: header('ce-type') === 'OrderRemoved',
  });
}
// end doc

// doc: follow
interface Deps {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Pick<Topology, 'stream' | 'streamSubjects'>;
  readonly durable: string;
  readonly onFailure: (error: unknown) => void;
}

/** Keeps the list at the end of the stream, until the signal comes. */
export const followOrders = ({ db, ...deps }: Deps, signal: AbortSignal): Promise<void> =>
  consume(
    {
      ...deps,
      filter: deps.topology.streamSubjects[0] ?? '>',
      concurrency: 8,
      handle: (message) => apply(db, message),
    },
    signal,
  );
// end doc
