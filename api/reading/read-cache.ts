import { Counter, Gauge, type Registry } from 'prom-client';
import QuickLRU from 'quick-lru';
import type { ShownOrder } from '../../projections/queries/orders.ts';
import type { AppliedViews } from './applied-views.ts';

/** Loads what is asked for, or hands out a copy that is as good. Whether the caller may see it is theirs to check. */
export interface ReadCache {
  /** An order's row. One that is not there is not remembered as such. */
  order(
    orderId: string,
    copies: Copies,
    load: () => Promise<ShownOrder | undefined>,
  ): Promise<ShownOrder | undefined>;
  /** What is summed over orders, under a key that says all that it depends on. */
  figures<T>(key: string, copies: Copies, load: () => Promise<T>): Promise<T>;
  products<T>(copies: Copies, load: () => Promise<T>): Promise<T>;
}

/**
 * `allowed`: the answer's `Projection-Lag` was told by whoever tells this cache of changes, so a copy is at least as
 * fresh as that. `refused`: load it anew.
 */
export type Copies = 'allowed' | 'refused';

interface Deps {
  readonly applied: Pick<AppliedViews, 'onChange'>;
  /** About how many orders are kept; the least recently used go first. 0: nothing is kept. */
  readonly maxOrders: number;
  readonly registry: Registry;
}

const MAX_FIGURES = 200;
/** What nobody announces – a table that was changed by hand – is seen after this at the latest. */
const MAX_AGE_MS = 60_000;

/**
 * Copies of what is read often, until the projectors announce a change. A copy is kept only if nothing was announced
 * about it while it was being loaded; requests that come meanwhile share the one query, or, where no copy will do, the
 * next one.
 */
export function createReadCache({ applied, maxOrders, registry }: Deps): ReadCache {
  const reads = new Counter({
    name: 'read_cache_reads_total',
    help: 'Reads of views by where they came from: hit (a copy), shared (a query for others), miss, refused (no copy would do)',
    labelNames: ['view', 'result'],
    registers: [registry],
  });
  const shelf = <T>(view: string, maxSize: number): Shelf<T> =>
    createShelf<T>(maxOrders === 0 ? 0 : maxSize, (result) => {
      reads.inc({ view, result });
    });
  const orders = shelf<ShownOrder | undefined>('order', maxOrders);
  const figures = shelf<unknown>('figures', MAX_FIGURES);
  const products = shelf<unknown>('products', 1);
  new Gauge({
    name: 'read_cache_entries',
    help: 'Copies of views that are kept',
    labelNames: ['view'],
    registers: [registry],
    collect: function () {
      for (const [view, { size }] of Object.entries({ order: orders, figures, products }))
        this.set({ view }, size);
    },
  });
  applied.onChange((change) => {
    orders.forget(change.orderIds);
    if (change.orderIds === null || change.orderIds.length > 0) figures.forget(null);
    if (change.products) products.forget(null);
  });
  return {
    order: (orderId, copies, load) => orders.read(orderId, copies, load),
    figures: <T>(key: string, copies: Copies, load: () => Promise<T>) =>
      figures.read(key, copies, load) as Promise<T>,
    products: <T>(copies: Copies, load: () => Promise<T>) => products.read('', copies, load) as Promise<T>,
  };
}

interface Shelf<T> {
  readonly size: number;
  read(key: string, copies: Copies, load: () => Promise<T>): Promise<T>;
  /** null: all. */
  forget(keys: readonly string[] | null): void;
}

function createShelf<T>(
  maxSize: number,
  count: (result: 'hit' | 'shared' | 'miss' | 'refused') => void,
): Shelf<T> {
  // It keeps up to twice its size.
  const kept = new QuickLRU<string, T>({ maxSize: Math.max(1, Math.ceil(maxSize / 2)), maxAge: MAX_AGE_MS });
  /** Queries under way about which nothing has been announced since they began. */
  const loading = new Map<string, Promise<T>>();
  /** The last query that was begun, and the one that begins when it is over. */
  const begun = new Map<string, Promise<T>>();
  const coming = new Map<string, Promise<T>>();

  async function query(key: string, load: () => Promise<T>): Promise<T> {
    const loaded = load();
    loading.set(key, loaded);
    begun.set(key, loaded);
    try {
      const value = await loaded;
      if (loading.get(key) === loaded && value !== undefined) kept.set(key, value);
      return value;
    } finally {
      if (loading.get(key) === loaded) loading.delete(key);
      if (begun.get(key) === loaded) begun.delete(key);
    }
  }
  /** Shares one with all who ask while another is under way, which may not see what they have to see. */
  function queryAfter(before: Promise<T>, key: string, load: () => Promise<T>): Promise<T> {
    const next = Promise.allSettled([before]).then(() => {
      coming.delete(key);
      return query(key, load);
    });
    coming.set(key, next);
    return next;
  }

  return {
    get size() {
      return kept.size;
    },
    read: async (key, copies, load) => {
      if (maxSize === 0) return load();
      const copy = copies === 'allowed' ? kept.get(key) : undefined;
      if (copy !== undefined) {
        count('hit');
        return copy;
      }
      const shared = copies === 'allowed' ? loading.get(key) : coming.get(key);
      if (shared) {
        count('shared');
        return shared;
      }
      count(copies === 'allowed' ? 'miss' : 'refused');
      const before = copies === 'allowed' ? undefined : begun.get(key);
      return before ? queryAfter(before, key, load) : query(key, load);
    },
    forget: (keys) => {
      if (keys === null) {
        kept.clear();
        loading.clear();
        return;
      }
      for (const key of keys) {
        kept.delete(key);
        loading.delete(key);
      }
    },
  };
}
