import { customers } from './customers.ts';
import type { Projection } from './kit/projection.ts';
import { operations } from './operations.ts';
import { orderSearch } from './order-search.ts';
import { orders } from './order-summary.ts';
import { products } from './products.ts';
import { sales } from './sales.ts';

/** Every projection of this release. */
export const projections: readonly Projection[] = [
  orders,
  products,
  sales,
  customers,
  operations,
  orderSearch,
];
