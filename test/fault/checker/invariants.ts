import { disagreements } from './books.ts';
import type { EventFact, Facts } from './facts.ts';
import { foldStream } from './fold.ts';
import { leaksIn } from './leaks.ts';
import { changedReasons, technicalReasons } from './reasons.ts';

/** Says what is wrong, an entry per fault; nothing when the invariant holds. */
type Check = (facts: Facts) => string[];

const staysPaid = new Set(['COMPLETED', 'SHIPPED', 'DELIVERED']);
const ended = new Set(['DELIVERED', 'CANCELLED', 'REFUNDED']);

/** What must hold once the system has come to rest, whatever happened to it before. */
export const invariants: Readonly<Record<string, Check>> = {
  'I1 charges − refunds = totals of orders that stay paid': ({ ledger, orders }) => {
    const held = sum(ledger.map(({ kind, amount }) => (kind === 'CHARGE' ? amount : -amount)));
    const due = sum(orders.filter(({ status }) => staysPaid.has(status)).map(({ total }) => total));
    return held === due ? [] : [`${held} is held, ${due} is due`];
  },

  'I2 initial stock = on hand + reserved + shipped, none negative': (facts) => {
    const piecesIn = (state: string, sku: string): number =>
      sum(
        facts.reservations
          .filter((reservation) => reservation.state === state)
          .flatMap(({ lines }) => lines)
          .filter((line) => line.sku === sku)
          .map(({ quantity }) => quantity),
      );
    return [...facts.initialStock].flatMap(([sku, initial]) => {
      const stock = facts.stock.find((row) => row.sku === sku);
      if (!stock) return [`${sku} has no stock row`];
      // The row's on-hand pieces include those that are reserved.
      const free = stock.onHand - stock.reserved;
      const { reserved, shipped } = stock;
      return [
        ...(free + reserved + shipped === initial
          ? []
          : [`${sku}: ${free} free + ${reserved} reserved + ${shipped} shipped, but ${initial} at first`]),
        ...(Math.min(free, reserved, shipped) < 0 ? [`${sku}: negative in ${JSON.stringify(stock)}`] : []),
        ...(piecesIn('HELD', sku) === reserved ? [] : [`${sku}: reservations hold ${piecesIn('HELD', sku)}`]),
        ...(piecesIn('SHIPPED', sku) === shipped
          ? []
          : [`${sku}: reservations shipped ${piecesIn('SHIPPED', sku)}`]),
      ];
    });
  },

  'I3 committed outbox ids = stream ids = applied ids': ({ outbox, stream, timelines }) => {
    const committed = new Set(outbox.map(({ id }) => id));
    const published = new Set(stream.map(({ id }) => id));
    const toApply = outbox.filter(({ aggregateType }) => aggregateType === 'order').map(versionOf);
    const applied = [...timelines].flatMap(([id, versions]) =>
      versions.map((version) => `order ${id} v${version}`),
    );
    return [
      ...missing(committed, published, 'committed, not in the stream'),
      ...missing(published, committed, 'in the stream, never committed'),
      ...missing(new Set(toApply), new Set(applied), 'committed, not applied'),
      ...missing(new Set(applied), new Set(toApply), 'applied, never committed'),
      ...(new Set(applied).size === applied.length ? [] : ['a timeline shows a version twice']),
    ];
  },

  'I4 at most one net charge per order': ({ ledger }) =>
    [...groupBy(ledger, ({ key }) => key)].flatMap(([key, entries]) => {
      const net = sum(entries.map(({ kind }) => (kind === 'CHARGE' ? 1 : -1)));
      return net === 0 || net === 1 ? [] : [`${key}: ${net} net charges`];
    }),

  'I5 every accepted order ends': ({ accepted, orders }) => {
    const statuses = new Map(orders.map(({ id, status }) => [id, status]));
    const told = [...accepted.values()];
    return [
      ...told.flatMap((id) => {
        const status = statuses.get(id);
        if (status === undefined) return [`${id} was accepted and is lost`];
        return ended.has(status) ? [] : [`${id} is still ${status}`];
      }),
      ...(new Set(told).size === told.length ? [] : ['two keys were answered with one order']),
      ...missing(new Set(statuses.keys()), new Set(told), 'an order that nobody was told of'),
    ];
  },

  'I6 read tables = a fresh fold of the stream': ({ stream, read }) => {
    const folded = foldStream(stream);
    return (Object.keys(read) as (keyof typeof read)[]).flatMap((table) => [
      ...missing(new Set(folded[table]), new Set(read[table]), `folded, not in ${table}`),
      ...missing(new Set(read[table]), new Set(folded[table]), `in ${table}, not folded`),
    ]);
  },

  'I7 versions per order contiguous and in order': ({ stream }) => {
    const seen = new Set<string>();
    const first = stream.filter(({ id }) => !seen.has(id) && seen.add(id));
    return [...groupBy(first, ({ aggregateType, aggregateId }) => `${aggregateType} ${aggregateId}`)].flatMap(
      ([aggregate, events]) => {
        const versions = events.map(({ aggregateVersion }) => aggregateVersion);
        return versions.every((version, index) => version === index + 1)
          ? []
          : [`${aggregate}: ${versions.join()}`];
      },
    );
  },

  'I8 one order per principal and key, and every answered order exists': ({ accepted, keys, orders }) => {
    const there = new Set(orders.map(({ id }) => id));
    const tied = groupBy(keys, ({ subject, key }) => JSON.stringify([subject, key]));
    const tiedTo = new Map(keys.map(({ key, orderId }) => [key, orderId]));
    return [
      ...[...tied].flatMap(([key, rows]) =>
        rows.length === 1 ? [] : [`${key} is tied to ${rows.length} orders`],
      ),
      ...[...groupBy(keys, ({ orderId }) => orderId)].flatMap(([orderId, rows]) =>
        rows.length === 1 ? [] : [`${orderId} has ${rows.length} keys`],
      ),
      ...[...accepted].flatMap(([key, orderId]) => [
        ...(tiedTo.get(key) === orderId ? [] : [`${key}: answered ${orderId}, tied to ${tiedTo.get(key)}`]),
        ...(there.has(orderId) ? [] : [`${key}: the answered order ${orderId} is not there`]),
      ]),
      ...missing(new Set(keys.map(({ orderId }) => orderId)), there, 'a key is tied to no order'),
    ];
  },

  'I9 the books of provider and carrier agree with the order': disagreements,

  'I10 no order is cancelled or refunded for a technical reason': technicalReasons,

  'I11 the reason shown is the first one, and what clients were told is true': changedReasons,

  'I12 an order has a running saga until it has ended, and then none': ({ orders, running }) =>
    orders.flatMap(({ id, status }) => {
      const runs = ['order', 'shipment'].some((saga) => running.has(`${saga}-${id}`));
      return runs === ended.has(status) ? [`${id} is ${status} and ${runs ? 'a' : 'no'} saga runs`] : [];
    }),

  'I13 no internal text is shown outside logs': leaksIn,
};

const versionOf = ({ aggregateType, aggregateId, aggregateVersion }: EventFact): string =>
  `${aggregateType} ${aggregateId} v${aggregateVersion}`;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0);

const missing = (wanted: ReadonlySet<string>, present: ReadonlySet<string>, what: string): string[] =>
  [...wanted].filter((item) => !present.has(item)).map((item) => `${what}: ${item}`);

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
