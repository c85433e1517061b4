import type { Knex } from '../../db/connection.ts';
import { searchWords } from '../search-words.ts';
import {
  shownOrderColumns,
  toShownOrder,
  type OrderCursor,
  type ShownOrder,
  type ShownOrderRow,
} from './orders.ts';

/** One thing that an order must have, or must not. */
export interface SearchTerm {
  /** As `searchWords` makes them: one, or several that follow each other. */
  readonly words: string;
  readonly isExcluded: boolean;
}

interface Search {
  /** An order has all of them, itself or in the name of one of its products. */
  readonly terms: readonly SearchTerm[];
  readonly customerId?: string | undefined;
  readonly limit: number;
  readonly after?: OrderCursor | undefined;
}

const term = /(-?)(?:"([^"]*)"|([^\s"]+))/g;

/**
 * Reads what people type: words, "words in this order", and -without. Anything else that is no letter or digit only
 * separates words: a code such as OUT_OF_STOCK is its words in this order.
 */
export const searchTerms = (text: string): SearchTerm[] =>
  [...text.matchAll(term)]
    .map(([, minus = '', quoted, bare]) => ({
      words: searchWords(quoted ?? bare ?? ''),
      isExcluded: minus !== '',
    }))
    .filter(({ words }) => words !== '');

/** Newest first; the order id breaks ties. @returns at most `limit` orders, and the cursor when there are more. */
export async function searchOrders(
  db: Knex,
  { terms, customerId, limit, after }: Search,
): Promise<{ orders: ShownOrder[]; next?: OrderCursor }> {
  const found = db('read.order_search as s')
    .select('s.order_id')
    .orderBy([
      { column: 's.placed_at', order: 'desc' },
      { column: 's.order_id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (customerId !== undefined) void found.where('s.customer_id', customerId);
  if (after) void found.whereRaw('(s.placed_at, s.order_id) < (?, ?)', [after.placedAt, after.orderId]);
  for (const { words, isExcluded } of terms) {
    const bindings = { words, stemmed: words.includes(' ') ? '' : words };
    void found.whereRaw(isExcluded ? hasNot : has, bindings);
  }
  const rows: ShownOrderRow[] = await db('read.order_summary')
    .whereIn('order_id', found)
    .orderBy([
      { column: 'placed_at', order: 'desc' },
      { column: 'order_id', order: 'desc' },
    ])
    .select(db.raw(shownOrderColumns));
  const orders = rows.slice(0, limit).map(toShownOrder);
  const last = orders.at(-1);
  return rows.length > limit && last
    ? { orders, next: { placedAt: last.placedAt, orderId: last.orderId } }
    : { orders };
}

// Words in order are taken as they are written; one alone also by its stem. Stems leave out words such as "of", which
// would make "out of stock" of everything that says "stock". Indexes: order_search_by_word, order_search_by_product,
// products_by_word; the list of products is made once for each statement.
const query = `(phraseto_tsquery('simple', :words) || phraseto_tsquery('english', :stemmed))`;
const has = `(s.document @@ ${query}
  or s.skus && array(select sku from read.products where document @@ ${query}))`;
const hasNot = `not ${has}`;
