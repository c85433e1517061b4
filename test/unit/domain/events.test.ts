import assert from 'node:assert/strict';
import { stuckNames } from '../../../domain/desk.ts';
import { parseEvent } from '../../../domain/events.ts';
import { asJson, orderHistory, stories, stuckStory } from '../../support/builders.ts';

describe('events', () => {
  const [created] = orderHistory(stories.completed);
  assert.ok(created);

  it('what was published is read as it was', () => {
    const stuck = stuckNames.flatMap((undo) => {
      const story = stuckStory('order', { undo });
      return [...story.stuck, ...story.settled, ...stuckStory('order', { undo, decision: 'waive' }).settled];
    });
    for (const event of orderHistory([...stories.completed, ...stories.refunded, ...stuck])) {
      assert.deepEqual(parseEvent(asJson(event)), event);
    }
  });

  it('a decision from before waivers took two operators is read as one that nobody else asked for', () => {
    const [resolved] = orderHistory(stuckStory('order').settled);
    assert.ok(resolved?.type === 'StuckResolved');
    const { waiver: _waiver, ...data } = resolved.data;
    assert.deepEqual(parseEvent(asJson({ ...resolved, schemaVersion: 1, data } as never)), resolved);
  });

  it('an unknown type, a version from the future, and data of another shape are refused', () => {
    assert.throws(() => parseEvent({ ...created, type: 'OrderVanished' }), /unknown type OrderVanished/);
    assert.throws(
      () => parseEvent({ ...created, schemaVersion: 2 }),
      /OrderCreated\.v2, this release reads up to v1/,
    );
    assert.throws(() => parseEvent({ ...created, data: { ...created.data, totalMinor: 0.5 } }), /totalMinor/);
  });
});
