import assert from 'node:assert/strict';
import { freeForNewSagas, slotsFor } from '../../../worker/slots.ts';

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

  describe('that are left for new sagas', () => {
    const slots = slotsFor({ cores: 2, poolSize: 10 });
    const left = (activations: number, local: number, nonLocal: number, of = slots): number =>
      freeForNewSagas(
        {
          getStatus: () => ({
            numInFlightWorkflowActivations: activations,
            numInFlightLocalActivities: local,
            numInFlightNonLocalActivities: nonLocal,
          }),
        },
        of,
      );

    it('are those that are neither polled for nor in use', () => {
      assert.equal(left(0, 0, 0), 8);
      assert.equal(left(2, 3, 20), 3);
      assert.ok(left(4, 4, 0) < 1);
    });

    it('are none while all activities wait, such as for a slow provider', () => {
      assert.ok(left(0, 0, slots.activities) < 1);
    });

    it('are one at least while the worker has nothing to do', () => {
      assert.equal(left(0, 0, 0, slotsFor({ cores: 2, poolSize: 10, limit: 2 })), 1);
    });
  });
});
