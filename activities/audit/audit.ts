import type { AuditCounts, AuditReport } from '../../domain/audit.ts';
import type { Knex } from '../../db/connection.ts';
import type { Books } from './books.ts';
import type { Facts, Subject } from './check.ts';
import { customerFigures } from './customer-figures.ts';
import { examine, tallyOf, type Tallies, type Tally } from './examine.ts';
import { compareFigures } from './figures.ts';
import type { Logs } from './logs.ts';
import { operationsFigures } from './operations-figures.ts';
import { auditedOrders } from './orders.ts';
import { countOutbox } from './outboxed.ts';
import { auditedProducts } from './products.ts';
import { auditedSales } from './sales.ts';
import { assertNotAhead, inSnapshot, type Sources } from './sources.ts';

export interface AuditOptions extends Sources {
  /** How many of what drifted each check names. */
  readonly samples: number;
}

/** What a repair begins with. */
export interface Repairs {
  /** Projections whose tables are wrong. */
  readonly projections: readonly string[];
  /** Ids of orders and SKUs, some of whose events the outbox has and the stream has not. */
  readonly lacking: readonly string[];
}

/**
 * Compares write side, outbox, stream, read tables and the books of provider and carrier of a running system, and
 * changes nothing.
 * @throws CannotLookError, or what a database or NATS throws
 */
export async function audit(options: AuditOptions): Promise<{ report: AuditReport; repairs: Repairs }> {
  const startedAt = new Date().toISOString();
  await assertNotAhead(options);
  const tallies: Tallies = new Map();
  const counts = await countTables(options);
  const inStream = new Map<string, number>();
  const inBooks = { charges: 0, refunds: 0, parcels: 0, foreign: 0 };
  let unreadable = 0;
  const onRead = ({ counted }: Logs): void => {
    for (const [type, n] of counted.types) inStream.set(type, (inStream.get(type) ?? 0) + n);
    unreadable += counted.unreadable;
  };
  const onOrdersRead = (logs: Logs, { counted }: Books): void => {
    onRead(logs);
    for (const kind of ['charges', 'refunds', 'parcels', 'foreign'] as const) inBooks[kind] += counted[kind];
  };

  await examineOne(await auditedOrders(options, counts.orders, onOrdersRead));
  const blamed = ['events', 'stream', 'stream-ahead'].flatMap((name) => tallies.get(name)?.keys ?? []);
  for (const figures of [customerFigures, operationsFigures])
    addFound(tallyOf(tallies, figures.check), await compareFigures(options.readDb, figures, options.samples));
  await examineOne(await auditedProducts(options, onRead));
  await examineOne(auditedSales(options, blamed));

  const checks = [...tallies.values()];
  return {
    report: {
      startedAt,
      endedAt: new Date().toISOString(),
      counts: { ...counts, stream: Object.fromEntries([...inStream].sort()), unreadable, books: inBooks },
      checks: checks.map(({ repair: _repair, keys: _keys, ...report }) => report),
    },
    repairs: {
      projections: [
        ...new Set(
          checks.flatMap(({ repair, drifted }) =>
            drifted > 0 && typeof repair === 'object' ? repair.projections : [],
          ),
        ),
      ],
      lacking: checks.flatMap(({ repair, keys }) => (repair === 'events' ? keys : [])),
    },
  };

  function addFound(
    tally: Tally,
    { looked, drifted, samples }: Awaited<ReturnType<typeof compareFigures>>,
  ): void {
    tally.looked += looked;
    tally.drifted += drifted;
    tally.samples.push(...samples.slice(0, options.samples - tally.samples.length));
  }

  function examineOne<F extends Facts>(subject: Subject<F>): Promise<void> {
    return examine(subject, tallies, {
      samples: options.samples,
      onPage: (looked) => {
        options.signal?.throwIfAborted();
        options.onProgress(`has looked at ${looked} (${subject.name})`);
      },
    });
  }
}

const countOrders = 'select cast(count(*) as float8) as n from orders.orders';
const countSummaries = 'select cast(count(*) as float8) as n from read.order_summary';

async function countTables({
  db,
  readDb,
}: Sources): Promise<Pick<AuditCounts, 'orders' | 'summaries' | 'outbox'>> {
  const countIn = async (trx: Knex.Transaction, sql: string): Promise<number> =>
    (await trx.raw<{ rows: [{ n: number }] }>(sql)).rows[0].n;
  const [orders, outbox] = await inSnapshot(db, async (trx) => [
    await countIn(trx, countOrders),
    await countOutbox(trx),
  ]);
  return { orders, outbox, summaries: await inSnapshot(readDb, (trx) => countIn(trx, countSummaries)) };
}
