import { ApplicationFailure } from '@temporalio/activity';
import type { ClientBase, Pool } from 'pg';
import { giveBack, setAside } from './stock.ts';
import { cancelOrder, payOrder } from './wrapped.ts';

// doc: provider
export interface PaymentProvider {
  /** Asked again with the same key it answers as before, and takes nothing more. */
  charge(key: string, cents: number): Promise<'TAKEN' | 'REFUSED'>;
  /** Gives back what was charged for the key; from then on nothing is. May be repeated. */
  refund(key: string): Promise<void>;
}
// end doc

// doc: activities
interface Deps {
  readonly pool: Pool;
  readonly payments: PaymentProvider;
}

export interface PlacedOrder {
  readonly id: string;
  readonly item: string;
  readonly totalCents: number;
}

type StepName = 'setAside' | 'giveBack' | 'takePayment' | 'refund' | 'markPaid' | 'cancelOrder';
export type ShopActivities = Record<StepName, (order: PlacedOrder) => Promise<void>>;

export const createShopActivities = ({ pool, payments }: Deps): ShopActivities => ({
  setAside: async ({ id, item }) => {
    if (!(await setAside(pool, id, item))) throw ApplicationFailure.nonRetryable('out of stock');
  },
  giveBack: ({ id, item }) => giveBack(pool, id, item),

  takePayment: async ({ id, totalCents }) => {
    const answer = await payments.charge(`order-${id}`, totalCents);
    if (answer === 'REFUSED') throw ApplicationFailure.nonRetryable('payment refused');
  },
  refund: ({ id }) => payments.refund(`order-${id}`),

  markPaid: async ({ id }) => {
    await onClient(pool, (client) => payOrder(client, id));
    // Paid now, or by an earlier try whose answer was lost; it may even have been sent since.
    const status = await statusOf(pool, id);
    if (status === undefined || status === 'CANCELLED') throw ApplicationFailure.nonRetryable('order gone');
  },
  cancelOrder: ({ id }) => onClient(pool, (client) => cancelOrder(client, id)),
});

export async function statusOf(pool: Pool, id: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ status: string }>('select status from shop.orders where id = $1', [id]);
  return rows[0]?.status;
}

async function onClient(pool: Pool, act: (client: ClientBase) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await act(client);
  } finally {
    client.release();
  }
}
// end doc
