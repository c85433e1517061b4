import assert from 'node:assert/strict';
import { customerFigures } from '../../../activities/audit/customer-figures.ts';
import { compareFigures } from '../../../activities/audit/figures.ts';
import { operationsFigures } from '../../../activities/audit/operations-figures.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { newId } from '../../../platform/clock.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { applyEvents } from '../../support/projections.ts';

describe('the audit of figures', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  /** Each event comes so many ms after the one before it. */
  const slowly = (events: readonly OrderEvent[], apartMs: number): OrderEvent[] =>
    events.map((event, index) => ({
      ...event,
      occurredAt: new Date(Date.parse(event.occurredAt) + index * (apartMs - 1_000)).toISOString(),
    }));

  it('adds up what projections do, whatever became of the orders and however long it took', async () => {
    const events: OrderEvent[] = [];
    for (const story of Object.values(stories)) events.push(...orderHistory(story));
    for (const decision of ['retry', 'done-by-hand', 'waive'] as const) {
      const orderId = newId();
      const { stuck, settled } = stuckStory(orderId, { decision });
      events.push(...orderHistory([...stuck, ...settled], { orderId }));
    }
    const waiting = newId();
    events.push(...orderHistory(stuckStory(waiting).stuck, { orderId: waiting }));
    for (let ms = -2; ms <= 2_000; ms++) events.push(...slowly(orderHistory(stories.completed), ms));
    for (let ms = 1; ms < 10 ** 9; ms *= 1.05)
      events.push(...slowly(orderHistory(stories.completed), Math.round(ms)));
    await applyEvents(database.db, events);

    for (const figures of [customerFigures, operationsFigures]) {
      const { looked, drifted, samples } = await compareFigures(database.db, figures, 10);
      assert.deepEqual([drifted, samples], [0, []]);
      assert.ok(looked > 0);
    }
  });

  it('names as many of what differs as it is asked for, and counts all', async () => {
    await database.db.raw('update read.operations set times = times + 1');
    const { looked, drifted, samples } = await compareFigures(database.db, operationsFigures, 3);
    assert.equal(drifted, looked);
    assert.equal(samples.length, 3);
  });
});
