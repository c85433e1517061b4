import assert from 'node:assert/strict';
import { migrate } from '../../../../db/migrate.ts';
import { applyPage } from '../../../../projections/kit/apply-page.ts';
import { installProjections, requireLive } from '../../../../projections/kit/install.ts';
import { projections } from '../../../../projections/projections.ts';
import { orderHistory, stories } from '../../../support/builders.ts';
import { createEmptyDatabase } from '../../../support/database.ts';
import { given } from '../../../support/projections.ts';
import { paymentMethodFigures } from './payment-methods-query.ts';
import { paymentMethods } from './payment-methods.ts';

// doc: test
describe('payment methods', () => {
  it('an order counts under its payment method, and as charged once it is', () => {
    given(paymentMethods)
      .when(orderHistory(stories.completed), orderHistory(stories.outOfStock))
      .then({
        payment_methods: [{ method: 'pm_card_visa', orders: 2, charged: 1, chargedMinor: 4_320 }],
      });
  });

  it('events that come again change nothing', () => {
    const events = orderHistory(stories.completed);
    given(paymentMethods)
      .when(events, events.slice(1), events)
      .then({ payment_methods: [{ orders: 1, charged: 1 }] });
  });
});
// end doc

describe('the walk of docs/projections.md', () => {
  it('adds to what is there, in a real database', async () => {
    const database = await createEmptyDatabase();
    const { db } = database;
    try {
      const all = [...projections, paymentMethods];
      await migrate({ write: db, read: db });
      await installProjections(db, all);
      await requireLive(db, all);
      const histories = [stories.completed, stories.delivered, stories.outOfStock].map((story) =>
        orderHistory(story),
      );
      const page = histories.flat();
      for (const events of [page.slice(0, 5), page, page.slice(3)])
        await db.transaction((trx) => applyPage(trx, all, events));
      assert.deepEqual(await paymentMethodFigures(db), [
        { method: 'pm_card_visa', orders: 3, charged: 2, amount: 8_640 },
      ]);
    } finally {
      await database.drop();
    }
  });

  it('a projector of a release that does not have the tables says what to do', async () => {
    const database = await createEmptyDatabase();
    const { db } = database;
    try {
      await migrate({ write: db, read: db });
      await installProjections(db, projections);
      await assert.rejects(
        requireLive(db, [...projections, paymentMethods]),
        /payment-methods is missing there and v1 here.*npm run migrate/,
      );
    } finally {
      await database.drop();
    }
  });
});
