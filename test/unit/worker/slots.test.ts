import assert from 'node:assert/strict';
import { slotsFor } from '../../../worker/slots.ts';

describe('the slots of a worker', () => {
  it('follow its cores up to what one thread of JavaScript serves, and its database pool', () => {
    assert.deepEqual(slotsFor({ cores: 2, poolSize: 10 }), {
      workflowTasks: 12,
      workflowPolls: 4,
      activities: 48,
      localActivities: 10,
    });
    assert.equal(slotsFor({ cores: 64, poolSize: 10 }).workflowTasks, 32);
    assert.equal(slotsFor({ cores: 64, poolSize: 50 }).localActivities, 50);
  });

  it('are never more than a limit that is given, and enough to poll for both kinds of workflow tasks', () => {
    for (const limit of [2, 3, 100, 1_000]) {
      const slots = slotsFor({ cores: 16, poolSize: 200, limit });
      assert.ok(Math.max(slots.workflowTasks, slots.activities, slots.localActivities) <= limit);
      assert.ok(slots.workflowPolls >= 2 && slots.workflowPolls <= slots.workflowTasks);
    }
  });
});
