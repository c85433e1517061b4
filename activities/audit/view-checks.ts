import { hasEnded, type OrderStatus } from '../../domain/order.ts';
import { differences, type Check } from './check.ts';
import { judgeAhead, judgeStream } from './event-checks.ts';
import type { OrderFacts, OrderRow } from './order-facts.ts';
import type { CustomerOrderRow, RunRow, SearchRow, SummaryRow } from './order-views.ts';
import { rowCheck } from './row-check.ts';
import { count } from './versions.ts';

/** What a read table shows of each order, compared with the order's row. */
interface ViewCheck<View> {
  readonly name: string;
  readonly holds: string;
  /** Which makes the table. */
  readonly projection: string;
  readonly viewOf: (facts: OrderFacts) => View | undefined;
  readonly compare: (row: OrderRow, view: View, facts: OrderFacts) => string | undefined;
}

const viewCheck = <View>({
  name,
  holds,
  projection,
  viewOf,
  compare,
}: ViewCheck<View>): Check<OrderFacts> => ({
  name,
  holds,
  advice: adviceToRebuild(projection),
  repair: { projections: [projection] },
  judge: (facts) => {
    // Where the row or the stream is wrong, another check says so, and building anew would mend nothing.
    if (judgeAhead(facts) !== undefined) return undefined;
    if (facts.row && (rowCheck.judge(facts) ?? judgeStream(facts)) !== undefined) return undefined;
    const { row, stream } = facts;
    const view = viewOf(facts);
    if (!row) return view && 'is shown, and there is no such order';
    // Projections leave out an order whose beginning the stream does not have.
    if (!view) return stream && !stream.order ? undefined : 'is not shown';
    return compare(row, view, facts);
  },
});

const adviceToRebuild = (projection: string): string =>
  `Run \`npm run audit -- --repair\`, which rebuilds the projection \`${projection}\` from the stream.`;

const compared = <R extends object>(is: R, shown: { readonly [K in keyof R]: unknown }): string | undefined =>
  differences(['in the row', is], ['shown', shown]);

const summaries = viewCheck<SummaryRow>({
  name: 'order-summaries',
  holds: 'read.order_summary shows each order as its row says, with all its events, and no other order',
  projection: 'orders',
  viewOf: ({ summary }) => summary,
  compare: (row, { id: _, events: shown, ...seen }, { stream }) => {
    const { version, status, inventory, payment, shipment, approval, customerId, ...rest } = row;
    const { currency, totalMinor, lines, placedAt } = rest;
    const facets = { version, status, inventory, payment, shipment, approval };
    const differ = compared({ ...facets, customerId, currency, totalMinor, lines, placedAt }, seen);
    if (differ !== undefined) return differ;
    const known = version - count(stream?.missing ?? []);
    return shown < known ? `shows ${shown} of ${known} events` : undefined;
  },
});

/** What a table tells that passes over most events is not known while one of them is missing. */
const whole =
  <View>(compare: (row: OrderRow, view: View) => string | undefined) =>
  (row: OrderRow, view: View, { stream }: OrderFacts): string | undefined =>
    stream && stream.missing.length > 0 ? undefined : compare(row, view);

const search = viewCheck<SearchRow>({
  name: 'order-search',
  holds: 'read.order_search finds each order by what its row says, and no other order',
  projection: 'order-search',
  viewOf: (facts) => facts.search,
  compare: whole((row, { id: _, ...seen }) => {
    const { customerId, status, cancelReason: reason, placedAt } = row;
    const skus = row.lines?.map(({ sku }) => sku) ?? [];
    return compared({ customerId, status, reason, stuck: stuckNow(row), skus, placedAt }, seen);
  }),
});

const customerOrders = viewCheck<CustomerOrderRow>({
  name: 'customers',
  holds: 'read.customers adds up the orders of each customer, each order as its row says',
  projection: 'customers',
  viewOf: ({ customerOrder }) => customerOrder,
  compare: whole(({ customerId, status, currency, totalMinor }, { id: _, ...seen }) =>
    compared({ customerId, status, currency, totalMinor }, seen),
  ),
});

const runs = viewCheck<RunRow>({
  name: 'operations',
  holds: 'read.operations counts what has happened to orders, each order as its row says',
  projection: 'operations',
  viewOf: ({ run }) => run,
  compare: whole((row, { id: _, ...seen }) =>
    compared(
      {
        acceptedAt: row.placedAt,
        happened: happenedBy(row.status),
        cause: row.cancelReason,
        stuck: stuckNow(row),
      },
      seen,
    ),
  ),
});

/** An order that has ended waits for nobody, though its row keeps why it once did. */
const stuckNow = ({ status, stuckCause }: OrderRow): string | null => (hasEnded(status) ? null : stuckCause);

function happenedBy(status: OrderStatus): string {
  switch (status) {
    case 'PENDING':
    case 'RESERVED':
    case 'PAID':
      return 'accepted';
    case 'CANCELLED':
      return 'accepted, cancelled';
    case 'COMPLETED':
    case 'SHIPPED':
      return 'accepted, completed';
    case 'DELIVERED':
      return 'accepted, completed, delivered';
    case 'REFUNDED':
      return 'accepted, completed, refunded';
  }
}

export const viewChecks: readonly Check<OrderFacts>[] = [summaries, search, customerOrders, runs];
