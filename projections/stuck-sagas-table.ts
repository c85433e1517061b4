import type { Knex } from '../db/connection.ts';
import type { StuckSaga } from './stuck-sagas.ts';

const remove = `
  delete from read.stuck_sagas where order_id = any(:orderIds)`;

const insert = `
  insert into read.stuck_sagas (workflow_id, order_id, saga, undo, cause, code, detail, attempts, occurrence, since,
    total_minor, currency)
  select "workflowId", "orderId", saga, undo, cause, code, detail, attempts, occurrence, since, "totalMinor", currency
  from jsonb_to_recordset(cast(:sagas as jsonb)) as r ("workflowId" text, "orderId" uuid, saga text, undo text,
    cause text, code text, detail text, attempts integer, occurrence integer, since timestamptz, "totalMinor" bigint,
    currency text)`;

/** @param left by order id, what `stuckAfter` found; orders that are not in it keep their row. */
export async function saveStuckSagas(
  trx: Knex.Transaction,
  left: ReadonlyMap<string, StuckSaga | null>,
): Promise<void> {
  if (left.size > 0) await trx.raw(remove, { orderIds: [...left.keys()] });
  const sagas = [...left.values()].filter((saga) => saga !== null);
  if (sagas.length > 0) await trx.raw(insert, { sagas: JSON.stringify(sagas) });
}
