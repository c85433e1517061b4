import type { Knex } from '../../db/connection.ts';
import { differences, type Check, type Facts, type Subject } from './check.ts';
import { eventChecks, judgeOutbox, judgeStream } from './event-checks.ts';
import { heldBack } from './held-back.ts';
import { openLogs, type Logs } from './logs.ts';
import type { Aggregate } from './order-facts.ts';
import { droppedBefore } from './outboxed.ts';
import { inSnapshot, snapshotOf, untilSettled, type Sources } from './sources.ts';
import { aggregateKey } from './versions.ts';

/** Listing and stock of one product, and what its reservations come to, at one moment. */
interface ProductRow {
  readonly sku: string;
  readonly name: string | null;
  readonly priceMinor: number | null;
  readonly currency: string | null;
  readonly productVersion: number;
  readonly onHand: number | null;
  readonly reserved: number;
  readonly shipped: number;
  readonly stockVersion: number;
  /** Pieces in reservations that are held, and that were shipped. */
  readonly held: number;
  readonly sent: number;
}

/** The row of `read.products`. */
interface ViewRow extends Pick<
  ProductRow,
  'sku' | 'name' | 'priceMinor' | 'currency' | 'productVersion' | 'stockVersion'
> {
  readonly onHand: number | null;
  readonly reserved: number | null;
  readonly available: number | null;
}

export interface ProductFacts extends Facts {
  readonly row: ProductRow;
  readonly listing: Aggregate;
  readonly stock: Aggregate;
  readonly view?: ViewRow | undefined;
}

// One look at all reservations, by the handful of products that they are for.
const selectRows = `
  with pieces as (
    select line ->> 'sku' as sku, sum(cast(line ->> 'quantity' as bigint)) filter (where state = 'HELD') as held,
      sum(cast(line ->> 'quantity' as bigint)) filter (where state = 'SHIPPED') as sent
    from inventory.reservations
    cross join lateral jsonb_array_elements(lines) as line
    where state in ('HELD', 'SHIPPED')
    group by 1
  ), stock as (select * from inventory.stock), listed as (select * from orders.products)
  select sku, name, cast(price_minor as float8) as "priceMinor", currency,
    coalesce(listed.version, 0) as "productVersion", on_hand as "onHand", coalesce(reserved, 0) as reserved,
    cast(coalesce(shipped, 0) as float8) as shipped, coalesce(stock.version, 0) as "stockVersion",
    cast(coalesce(held, 0) as float8) as held, cast(coalesce(sent, 0) as float8) as sent
  from stock full join listed using (sku) full join pieces using (sku)`;

async function noteProducts(trx: Knex.Transaction): Promise<Map<string, ProductRow>> {
  const { rows } = await trx.raw<{ rows: ProductRow[] }>(selectRows);
  return new Map(rows.map((row) => [row.sku, row]));
}

const selectViews = `
  select sku, name, cast(price_minor as float8) as "priceMinor", currency, on_hand as "onHand", reserved, available,
    product_version as "productVersion", stock_version as "stockVersion"
  from read.products`;

async function viewsOf(readDb: Knex): Promise<Map<string, ViewRow>> {
  const { rows } = await readDb.raw<{ rows: ViewRow[] }>(selectViews);
  return new Map(rows.map((row) => [row.sku, row]));
}

const events: Check<ProductFacts> = {
  name: 'events',
  holds: 'a row is what its events make of it',
  advice:
    'The row was changed past the application. The events are what customers and sagas were told: put the row right by hand, from the stream.',
  judge: ({ row, listing, stock }) => {
    const listed = listing.stream?.latest;
    const counted = stock.stream?.latest;
    const { name, priceMinor, currency, onHand, reserved } = row;
    if (listing.stream?.highest === row.productVersion && listed && 'name' in listed) {
      const differ = differences(
        ['in the catalogue', { name, priceMinor, currency }],
        ['by its events', listed],
      );
      if (differ !== undefined) return differ;
    }
    if (stock.stream?.highest === row.stockVersion && counted && 'onHand' in counted)
      return differences(['in stock', { onHand, reserved }], ['by its events', counted]);
    return undefined;
  },
};

const stockCheck: Check<ProductFacts> = {
  name: 'stock',
  holds: 'what is reserved and what has shipped of a product is what reservations say',
  advice:
    'Count the shelf, then put inventory.reservations and inventory.stock right together by hand, with a StockChanged event (set the stock through the application).',
  isExact: true,
  judge: ({ row: { reserved, shipped, held, sent } }) =>
    differences(['in stock', { reserved, shipped }], ['by reservations', { reserved: held, shipped: sent }]),
};

const views: Check<ProductFacts> = {
  name: 'products',
  holds: 'read.products shows each product as catalogue and stock have it',
  advice: 'Run `npm run audit -- --repair`, which rebuilds the projection `products` from the stream.',
  repair: { projections: ['products'] },
  judge: (facts) => {
    // Where the row or the stream is wrong, another check says so, and building anew would mend nothing.
    const { row, view, listing, stock } = facts;
    if ((events.judge(facts) ?? judgeStream(listing) ?? judgeStream(stock)) !== undefined) return undefined;
    if (row.productVersion + row.stockVersion === 0)
      return view && 'is shown, and neither the catalogue nor the stock has it';
    if (!view) return 'is not shown';
    const { sku, name, priceMinor, currency, productVersion, stockVersion, onHand, reserved } = row;
    const counted =
      onHand === null ? { reserved: null, available: null } : { reserved, available: onHand - reserved };
    const is = { sku, name, priceMinor, currency, productVersion, stockVersion, onHand, ...counted };
    return differences(['in fact', is], ['shown', view]);
  },
};

const unknown = (sku: string): ProductRow => ({
  ...{ sku, name: null, priceMinor: null, currency: null, onHand: null },
  ...{ productVersion: 0, stockVersion: 0, reserved: 0, shipped: 0, held: 0, sent: 0 },
});

/** Products are so few that all of them are one page. @param onRead is given outbox and stream of products */
export async function auditedProducts(
  sources: Sources,
  onRead: (logs: Logs) => void,
): Promise<Subject<ProductFacts>> {
  const { db, readDb } = sources;
  const isDropped = (await droppedBefore(db)) !== undefined;
  const logs = openLogs(sources, 'products');
  const checks = [
    events,
    ...eventChecks<ProductFacts>(({ listing, stock }) => [
      ['listing: ', listing],
      ['stock: ', stock],
    ]),
    stockCheck,
    views,
  ];
  return { name: 'product', checks, pages, gather };

  async function* pages(): AsyncGenerator<readonly string[]> {
    await logs.readOn();
    onRead(logs);
    const logged = [...logs.stream.keys(), ...logs.outbox.keys()].map((key) =>
      key.slice(key.indexOf(' ') + 1),
    );
    const rows = await inSnapshot(db, noteProducts);
    yield [...new Set([...rows.keys(), ...(await viewsOf(readDb)).keys(), ...logged])].sort();
  }

  async function gather(
    skus: readonly string[],
    mode: 'first-sight' | 'settled',
  ): Promise<Map<string, ProductFacts>> {
    const { rows, snapshot } = await inSnapshot(db, async (trx) => ({
      rows: await noteProducts(trx),
      snapshot: await snapshotOf(trx),
    }));
    const rowOf = (sku: string): ProductRow => rows.get(sku) ?? unknown(sku);
    if (mode === 'settled') {
      await logs.readOn(await untilSettled(sources, snapshot));
      await logs.lookAgain(
        skus.filter((sku) => aggregatesOf(rowOf(sku)).some((each) => judgeOutbox(each) !== undefined)),
      );
    }
    const shown = await viewsOf(readDb);
    const held = await heldBack(db, readDb);
    const now = mode === 'settled' ? await inSnapshot(db, noteProducts) : rows;
    return new Map(skus.map((sku) => [sku, factsOf(sku)]));

    function factsOf(sku: string): ProductFacts {
      const row = rowOf(sku);
      const [listing, stock] = aggregatesOf(row);
      const later = now.get(sku) ?? unknown(sku);
      return {
        isHeld: held.has(aggregateKey('product', sku)) || held.has(aggregateKey('stock', sku)),
        hasMoved: later.stockVersion !== row.stockVersion || later.productVersion !== row.productVersion,
        row,
        listing,
        stock,
        view: shown.get(sku),
      };
    }
  }

  function aggregatesOf({ sku, productVersion, stockVersion }: ProductRow): [Aggregate, Aggregate] {
    const of = (type: string, version: number): Aggregate => ({
      version,
      outbox: logs.outbox.get(aggregateKey(type, sku)),
      stream: logs.stream.get(aggregateKey(type, sku)),
      mayBeDropped: { first: isDropped, last: isDropped },
    });
    return [of('product', productVersion), of('stock', stockVersion)];
  }
}
