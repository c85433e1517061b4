import type { Knex } from 'knex';

/** The walk "write a projection" of docs/projections.md: its query. */

// doc: query
export interface PaymentMethodFigures {
  readonly method: string;
  readonly orders: number;
  readonly charged: number;
  /** In minor units. */
  readonly amount: number;
}

// Partitions are applied by different projectors, each into rows of its own: a figure is their sum.
const byMethod = `
  select method, cast(sum(orders) as float8) as orders, cast(sum(charged) as float8) as charged,
    cast(sum(charged_minor) as float8) as amount
  from read.payment_methods
  group by method
  having sum(orders) > 0
  order by method`;

export async function paymentMethodFigures(db: Knex): Promise<PaymentMethodFigures[]> {
  const { rows } = await db.raw<{ rows: PaymentMethodFigures[] }>(byMethod);
  return rows;
}
// end doc
