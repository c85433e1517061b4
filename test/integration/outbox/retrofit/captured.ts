import type { Knex } from 'knex';
import { captureTable, importTable, type TableMapping } from '../../../../db/outbox/index.ts';
import { outbox } from './install.ts';

// doc: mapping
const orders = {
  table: { schema: 'shop', name: 'orders' },
  aggregateType: 'order',
  idColumn: 'id',
  events: { insert: 'OrderPlaced', update: 'OrderChanged', delete: 'OrderRemoved' },
  updateColumns: ['status', 'total_cents'],
  payloadColumns: ['customer', 'item', 'total_cents', 'status'],
} satisfies TableMapping;

export const capture = (db: Knex): Promise<void> => captureTable(db, orders, outbox);
// end doc

// doc: import
export const importOrders = (db: Knex): Promise<number> =>
  importTable(db, orders, { eventType: 'LegacyOrderImported' }, outbox);
// end doc
