import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { customerIdSchema } from '../../domain/ids.ts';
import {
  customersByLastOrder,
  customersBySpent,
  findCustomer,
  type Customer,
} from '../../projections/queries/customers.ts';
import { mayAccessOrdersOf } from '../auth/ownership.ts';
import type { AnswerBody } from '../endpoints/contract.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { encode } from '../queries/query-schemas.ts';
import { listCustomersContract, showCustomerContract } from './contracts.ts';
import { customerPage } from './customer-list.ts';

export const createCustomerEndpoints = ({ db }: { readonly db: Knex }): Endpoint[] => [
  endpoint(listCustomersContract, async ({ query, response }) => {
    const { limit } = query;
    const page = customerPage(query);
    if (page.sort === 'lastOrder') {
      const { customers, next } = await customersByLastOrder(db, { limit, after: page.after });
      response.json({
        items: customers.map(toView),
        ...(next ? { nextCursor: encode(page.sort, next.placedAt, next.orderId) } : {}),
      });
    } else {
      const { currency, after } = page;
      const { customers, next } = await customersBySpent(db, { currency, limit, after });
      response.json({
        items: customers.map(toView),
        ...(next ? { nextCursor: encode(page.sort, currency, next.spent, next.customerId) } : {}),
      });
    }
  }),

  endpoint(showCustomerContract, async ({ principal, params, response }) => {
    const id = customerIdSchema.safeParse(params.id);
    const isTheirs = id.success && mayAccessOrdersOf(principal, id.data);
    const customer = isTheirs ? await findCustomer(db, id.data) : undefined;
    if (!customer) throw new OrderSystemError('NOT_FOUND', `no customer ${params.id} has placed an order`);
    response.json(toView(customer));
  }),
];

type CustomerView = AnswerBody<typeof showCustomerContract>;

const toView = ({ figures, ...customer }: Customer): CustomerView => ({ ...customer, figures: [...figures] });
