import type { z } from 'zod';
import type { Knex } from '../../db/connection.ts';
import type { PublishedMessage } from '../../messaging/history.ts';
import type { Clock } from '../../platform/clock.ts';
import {
  findSales,
  PeriodTooLongError,
  readSales,
  type SalesQuestion,
} from '../../projections/queries/sales.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { FieldProblem } from '../field-problem.ts';
import { encodedOnce, sendEncoded } from '../reading/encoded.ts';
import { copiesFor } from '../reading/prepare-reading.ts';
import type { ReadCache } from '../reading/read-cache.ts';
import type { Row } from './columns.ts';
import { eventsContract, salesContract } from './contracts.ts';
import { eventColumns, eventRow, readPublished, type PublishedEvent } from './event-table.ts';
import { eventFilter } from './events-query.ts';
import type { Exports } from './exports.ts';
import { negotiate } from './formats.ts';
import type { salesItemSchema } from './sales-item.ts';
import { salesQuestion } from './sales-query.ts';
import { salesColumns, salesRow } from './sales-table.ts';
import { sendTable } from './send-table.ts';

export interface AnalyticsDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly clock: Clock;
  readonly cache: ReadCache;
  readonly exports: Exports;
  /** All events that are in the stream now, in order. */
  readonly openHistory: () => Promise<AsyncIterable<readonly PublishedMessage[]>>;
}

/** Figures and histories, to look at or to take along. */
export const createAnalyticsEndpoints = ({
  db,
  clock,
  cache,
  exports,
  openHistory,
}: AnalyticsDeps): Endpoint[] => [
  endpoint(salesContract, async ({ query, request, response }) => {
    response.vary('Accept');
    const format = negotiate(request, ['json', 'csv', 'parquet'], query.format);
    const question = salesQuestion(query, clock.now());
    if (format.extension === undefined) {
      const key = `sales ${JSON.stringify(question)}`;
      const items = await cache.figures(key, copiesFor(response), () => fewSales(db, question));
      if (items) {
        sendEncoded(request, response, encodedItems(items));
        return;
      }
    }
    await sendTable(request, response, exports, {
      format,
      name: `sales-${question.firstDay}-${question.lastDay}`,
      columns: salesColumns(question),
      open: (signal, stepMs) => salesPages(db, question, { signal, stepMs }),
    });
  }),

  endpoint(eventsContract, async ({ query, request, response }) => {
    const format = negotiate(request, ['parquet']);
    const isWanted = eventFilter(query);
    await sendTable(request, response, exports, {
      format,
      name: 'events',
      columns: eventColumns,
      open: (signal) => eventPages(openHistory, isWanted, signal),
    });
  }),
];

/** What `salesRow` makes; the tests hold every answer against the schema. */
type SalesItem = z.output<typeof salesItemSchema>;

const encodedItems = encodedOnce((rows: readonly Row[]) => ({ items: rows as SalesItem[] }));

/** A longer answer is read each time, so that copies stay small. */
const COPIED_ROWS = 200;

/** @returns the whole answer, undefined when it is too long to be kept */
async function fewSales(db: Knex, question: SalesQuestion): Promise<Row[] | undefined> {
  const sums = await findSales(db, question, COPIED_ROWS).catch(asFieldProblem);
  return sums?.map((sum) => salesRow(question, sum));
}

async function* salesPages(
  db: Knex,
  question: SalesQuestion,
  options: Parameters<typeof readSales>[2],
): AsyncGenerator<Row[], void, undefined> {
  try {
    for await (const page of readSales(db, question, options))
      yield page.map((sum) => salesRow(question, sum));
  } catch (error) {
    asFieldProblem(error);
  }
}

function asFieldProblem(error: unknown): never {
  if (!(error instanceof PeriodTooLongError)) throw error;
  throw new FieldProblem('VALIDATION_FAILED', [{ field: 'from', message: error.message }]);
}

async function* eventPages(
  openHistory: AnalyticsDeps['openHistory'],
  isWanted: (event: PublishedEvent) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Row[], void, undefined> {
  for await (const messages of await openHistory()) {
    signal.throwIfAborted();
    yield messages.flatMap(({ streamSequence, published }) => {
      const event = readPublished(published);
      return isWanted(event) ? [eventRow(streamSequence, event)] : [];
    });
  }
}
