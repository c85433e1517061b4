import { placeOrder } from '../../../domain/order.ts';
import { customers } from '../../../projections/customers.ts';
import { orderContent, orderHistory, stories } from '../../support/builders.ts';
import { given } from '../../support/projections.ts';

describe('customers', () => {
  const customerId = 'customer-1';
  const none = { open: 0, completed: 0, cancelled: 0, refunded: 0, spentMinor: 0 };

  it('an order counts as open, then as what became of it, and as spent while the money is ours', () => {
    const [created, reserved, charged, completed] = orderHistory(stories.completed);
    given(customers)
      .when([created!, reserved!, charged!])
      .then({ customers: [{ customerId, currency: 'EUR', orders: 1, ...none, open: 1 }] });
    given(customers)
      .when([created!, reserved!, charged!], [completed!])
      .then({
        customers: [{ customerId, currency: 'EUR', orders: 1, ...none, completed: 1, spentMinor: 4_320 }],
      });
  });

  it('orders add up by customer and currency, and those that were undone are not spent', () => {
    const inFrancs = placeOrder({ ...orderContent, customerId: 'customer-2', currency: 'CHF' });
    given(customers)
      .when(
        orderHistory(stories.delivered),
        orderHistory(stories.lost),
        orderHistory(stories.outOfStock),
        orderHistory([inFrancs]),
        orderHistory([placeOrder({ ...orderContent, currency: 'CHF' })]),
      )
      .then({
        customers: [
          { customerId, currency: 'CHF', orders: 1, open: 1 },
          { customerId, orders: 3, ...none, completed: 1, cancelled: 1, refunded: 1, spentMinor: 4_320 },
          { customerId: 'customer-2', currency: 'CHF', orders: 1, open: 1 },
        ],
      });
  });
});
